//! Regular expressions for values that the parser takes in a narrow range.
//!
//! They use no look-around, because some editors' validators have none.

/// Matches a path below a folder: no empty part, no `.` and no `..`.
pub(super) const PATH: &str = r"^([^./][^/]*|\.[^./][^/]*|\.\.[^/]+)(/([^./][^/]*|\.[^./][^/]*|\.\.[^/]+))*$";

/// Matches the whole numbers between these two, with any leading zeros. To be put between other parts.
pub(super) fn numbers(least: u64, most: u64) -> String {
    let mut ways = Vec::new();
    let mut from = least;
    while from <= most {
        // One length of number at a time.
        let digits = from.to_string();
        let longer = u32::try_from(digits.len()).ok().and_then(|len| 10u64.checked_pow(len));
        let to = longer.map_or(most, |longer| most.min(longer - 1));
        of_one_length(digits.as_bytes(), to.to_string().as_bytes(), "", &mut ways);
        let Some(next) = to.checked_add(1) else { break };
        from = next;
    }
    format!("0*({})", ways.join("|"))
}

/// Adds ways to match the numbers between these two, which have the same count of digits.
fn of_one_length(least: &[u8], most: &[u8], before: &str, ways: &mut Vec<String>) {
    let ([low, lows @ ..], [high, highs @ ..]) = (least, most) else {
        ways.push(before.to_owned());
        return;
    };
    let with = |digit: u8| format!("{before}{}", char::from(digit));
    if low == high {
        return of_one_length(lows, highs, &with(*low), ways);
    }
    let (zeros, nines) = (vec![b'0'; lows.len()], vec![b'9'; lows.len()]);
    let (mut first, mut last) = (*low, *high);
    if lows != zeros {
        of_one_length(lows, &nines, &with(*low), ways);
        first += 1;
    }
    if highs != nines {
        of_one_length(&zeros, highs, &with(*high), ways);
        last -= 1;
    }
    if first <= last {
        let digits = format!("{before}[{}-{}]", char::from(first), char::from(last));
        ways.push(digits + &"[0-9]".repeat(lows.len()));
    }
}

/// Matches the durations between these two, in milliseconds.
pub(super) fn durations(least: u64, most: u64) -> String {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let ways = units.map(|(unit, ms)| format!("{}{unit}", numbers(least.div_ceil(ms), most / ms)));
    format!("^({})$", ways.join("|"))
}

/// Matches the durations of whole seconds up to that many.
pub(super) fn seconds(most: u64) -> String {
    let (seconds, minutes) = (numbers(0, most), numbers(0, most / 60));
    format!("^({seconds}s|{seconds}000ms|0+ms|{minutes}m)$")
}

/// Matches each of these words, in any case. To be put between other parts.
pub(super) fn any_case<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    let words = words
        .into_iter()
        .map(|word| word.chars().map(letter).collect::<String>());
    words.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(0, 0)]
    #[case(0, 600)]
    #[case(4, 192)]
    #[case(99, 1001)]
    #[case(100, 3600)]
    #[case(4096, 4133)]
    fn exactly_the_numbers_of_the_range_match(#[case] least: u64, #[case] most: u64) {
        let pattern = format!("^{}$", numbers(least, most));
        let compiled = jsonschema::validator_for(&json!({ "pattern": pattern })).unwrap();
        for number in 0..=most + 100 {
            let inside = (least..=most).contains(&number);
            let shown = json!(number.to_string());
            assert_eq!(compiled.is_valid(&shown), inside, "{number} in {pattern}");
        }
        assert!(compiled.is_valid(&json!(format!("00{most}"))));
        assert!(!compiled.is_valid(&json!("")));
    }
}
