//! The time axis of a picture. Quiet stretches are drawn shorter.

use super::{LEFT, RIGHT, Row, WIDTH};

/// A stretch in which nothing happens is drawn as at most this many seconds.
const QUIET: f64 = 1.0;

/// Width that a tick needs, in units of the picture.
const ROOM: f64 = 40.0;

/// Converts seconds to units of the picture.
pub struct Scale {
    /// Pairs of seconds and positions, both ascending.
    stops: Vec<(f64, f64)>,
}

impl Scale {
    /// A scale for these rows, and for at least `length` seconds.
    pub fn new(rows: &[Row], length: f64) -> Self {
        let bars = rows.iter().flat_map(|row| row.bars.iter().flat_map(|b| [b.0, b.1]));
        let points = rows.iter().flat_map(|row| row.points.iter().map(|p| p.0));
        let mut times: Vec<f64> = bars
            .chain(points)
            .chain([0.0, length])
            .filter(|t| t.is_finite())
            .collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let mut stops = vec![(0.0, 0.0)];
        for pair in times.windows(2) {
            let drawn = stops.last().map_or(0.0, |s| s.1) + (pair[1] - pair[0]).min(QUIET);
            stops.push((pair[1], drawn));
        }
        let all = stops.last().map_or(1.0, |s| s.1).max(0.001);
        for stop in &mut stops {
            stop.1 = LEFT + stop.1 / all * (WIDTH - LEFT - RIGHT);
        }
        Self { stops }
    }

    /// The position of a time.
    pub fn x(&self, at: f64) -> f64 {
        self.between(at, |stop| (stop.0, stop.1))
    }

    /// The time at a position.
    fn time(&self, x: f64) -> f64 {
        self.between(x, |stop| (stop.1, stop.0))
    }

    /// Interpolates between the stops. `sides` orders a stop as input and output.
    fn between(&self, value: f64, sides: impl Fn(&(f64, f64)) -> (f64, f64)) -> f64 {
        let next = self
            .stops
            .partition_point(|stop| sides(stop).0 < value)
            .min(self.stops.len() - 1);
        if next == 0 {
            return sides(&self.stops[0]).1;
        }
        let ((a0, b0), (a1, b1)) = (sides(&self.stops[next - 1]), sides(&self.stops[next]));
        b0 + ((value - a0) / (a1 - a0)).clamp(0.0, 1.0) * (b1 - b0)
    }

    /// Ticks at whole seconds that have enough room. There are at most 200, because a clock may have jumped by years.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let length = self.stops.last().map_or(0.0, |s| s.0);
        let step = if length > 90.0 { 10.0 } else { 1.0 };
        let mut ticks: Vec<(f64, String)> = Vec::new();
        let mut at = 0.0;
        while at <= length && ticks.len() < 200 {
            let x = self.x(at);
            ticks.push((x, format!("{at:.0} s")));
            let room = (self.time(x + ROOM) / step).floor() * step;
            at = room.max(at) + step;
        }
        ticks
    }

    /// Stretches that are drawn shorter: position, width and tooltip.
    pub fn quiet(&self) -> Vec<(f64, f64, String)> {
        let long = self
            .stops
            .windows(2)
            .filter(|pair| pair[1].0 - pair[0].0 > QUIET * 1.02);
        long.map(|pair| {
            (
                pair[0].1,
                pair[1].1 - pair[0].1,
                format!("{:.1} s in which nothing changed, drawn shorter", pair[1].0 - pair[0].0),
            )
        })
        .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quiet_stretches_are_drawn_shorter() {
        let row = Row {
            name: "r".into(),
            bars: vec![(1.0, 1.5, "good", "a".into()), (11.5, 12.0, "good", "b".into())],
            points: vec![],
        };
        let scale = Scale::new(&[row], 12.0);
        assert!(scale.x(11.5) - scale.x(1.5) <= scale.x(1.0) - scale.x(0.0) + 0.001);
        assert_eq!(scale.quiet().len(), 1);
        assert!((scale.x(6.5) - f64::midpoint(scale.x(1.5), scale.x(11.5))).abs() < 0.001);
    }

    #[test]
    fn a_clock_that_jumps_by_centuries_gives_few_ticks() {
        let century = 100.0 * 365.0 * 86400.0;
        let row = Row {
            name: "r".into(),
            bars: vec![
                (1.0, 1.5, "good", "a".into()),
                (80.0 * century, 80.0 * century + 9.0, "good", "b".into()),
            ],
            points: vec![],
        };
        let ticks = Scale::new(&[row], 12.0).ticks();
        assert!(ticks.len() < 200);
        assert!(ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 > ROOM), "{ticks:?}");
    }
}
