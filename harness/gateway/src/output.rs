//! What the boot says on the container's output.

use crate::boot_line::ON_STDOUT;

/// The module of the reconciler, as a traceback names it.
const MODULE: &str = "container_boot";
/// In the name of the script that runs the reconciler.
const SCRIPT: &str = "reconcile";
/// Begins what the init says of the scripts it runs.
const INIT: &str = "cont-init: info: ";
/// The most lines that are taken.
const MOST: usize = 20;
/// The lines that are taken if nothing can be told to be the reconciler's.
const LAST: usize = 5;

/// The words of the reconciler in the output of the boots so far: the last time it was run. Among the words of an init that
/// tells of each script, they stand between the beginning and the end of its script; otherwise the lines that name it. If
/// there are none of both, the last words of all.
///
/// ```
/// use comeback_gateway::output::of_reconciler;
///
/// let output = [
///     "cont-init: info: running /etc/cont-init.d/02-reconcile-profiles",
///     "ModuleNotFoundError: No module named 'yaml'",
///     "cont-init: info: /etc/cont-init.d/02-reconcile-profiles exited 1",
///     "s6-rc: info: service legacy-cont-init successfully started",
/// ];
/// assert_eq!(of_reconciler(&output), output[..3]);
/// ```
pub fn of_reconciler<'a>(output: &[&'a str]) -> Vec<&'a str> {
    let runs = |line: &&str| line.strip_prefix(INIT).is_some_and(|rest| rest.contains(SCRIPT));
    if let Some(end) = output.iter().rposition(runs) {
        let begin = output[..end]
            .iter()
            .rposition(|line| line.starts_with(INIT))
            .unwrap_or(end);
        return last(&output[begin..=end], MOST);
    }
    let names = |line: &&&str| line.contains(MODULE) || line.contains(ON_STDOUT.trim_end());
    match output.iter().position(|line| names(&line)) {
        Some(first) => last(&output[first..], MOST),
        None => last(output, LAST),
    }
}

fn last<'a>(lines: &[&'a str], most: usize) -> Vec<&'a str> {
    lines[lines.len().saturating_sub(most)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_counts() {
        let run = |said: &'static str| {
            [
                "cont-init: info: running /etc/cont-init.d/01-setup",
                "[stage2] done",
                "cont-init: info: /etc/cont-init.d/01-setup exited 0",
                "cont-init: info: running /etc/cont-init.d/02-reconcile-profiles",
                said,
                "cont-init: info: /etc/cont-init.d/02-reconcile-profiles exited 1",
                "s6-rc: info: service legacy-services successfully started",
            ]
        };
        let output = [run("first"), run("second")].concat();
        assert_eq!(of_reconciler(&output)[1], "second");
        assert_eq!(of_reconciler(&output).len(), 3);
    }

    #[test]
    fn a_traceback_is_found_without_an_init_that_tells() {
        let output = [
            "a banner",
            "Traceback (most recent call last):",
            "  File \"x/container_boot.py\", line 3",
            "KeyError: 1",
        ];
        assert_eq!(of_reconciler(&output), output[2..]);
    }

    #[test]
    fn without_a_word_of_it_the_last_lines_are_taken() {
        let output = ["1", "2", "3", "4", "5", "6", "7"];
        assert_eq!(of_reconciler(&output), ["3", "4", "5", "6", "7"]);
        assert!(of_reconciler(&[]).is_empty());
    }
}
