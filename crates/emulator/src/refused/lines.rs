//! What a terminal shows of refused requests: each once, equal ones counted for a few seconds, and a bounded number of
//! lines however many requests are refused.

use super::RefusedRequest;
use portraitd_model::Language;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// For how long equal requests are counted instead of shown.
const WINDOW: Duration = Duration::from_secs(5);
/// The most different requests that are shown in one window.
const SHOWN_MAX: usize = 30;

/// Chooses the lines. It reads no clock and writes nothing.
#[derive(Debug)]
pub struct RefusedLines {
    language: Language,
    /// Those shown within the last window, oldest first.
    shown: VecDeque<Shown>,
    omitted: u64,
    /// When the first of `omitted` came.
    omitted_since: Option<Instant>,
}

#[derive(Debug)]
struct Shown {
    request: RefusedRequest,
    at: Instant,
    repeated: u64,
}

impl RefusedLines {
    /// Nothing was shown so far.
    pub fn new(language: Language) -> Self {
        Self { language, shown: VecDeque::new(), omitted: 0, omitted_since: None }
    }

    /// Returns the lines to show when this request was refused.
    pub fn add(&mut self, request: RefusedRequest, now: Instant) -> Vec<String> {
        let mut lines = self.due(now);
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.request.is_like(&request)) {
            shown.repeated += 1;
        } else if self.shown.len() < SHOWN_MAX {
            lines.push(request.line(self.language));
            self.shown.push_back(Shown { request, at: now, repeated: 0 });
        } else {
            self.omit(1, now);
        }
        lines
    }

    /// Counts requests that are not shown.
    pub fn omit(&mut self, requests: u64, now: Instant) {
        self.omitted += requests;
        if requests > 0 {
            self.omitted_since.get_or_insert(now);
        }
    }

    /// Returns the counts whose window has ended.
    pub fn due(&mut self, now: Instant) -> Vec<String> {
        let ended = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        let mut lines = Vec::new();
        while let Some(oldest) = self.shown.pop_front_if(|oldest| ended(oldest.at)) {
            lines.extend(self.count_line(&oldest));
        }
        if self.omitted_since.is_some_and(ended) {
            lines.extend(self.omitted_line());
        }
        lines
    }

    /// Returns every count that is left, at the end.
    pub fn finish(mut self) -> Vec<String> {
        let shown = std::mem::take(&mut self.shown);
        let mut lines: Vec<String> = shown.iter().filter_map(|shown| self.count_line(shown)).collect();
        lines.extend(self.omitted_line());
        lines
    }

    fn count_line(&self, shown: &Shown) -> Option<String> {
        let Shown { request, repeated, .. } = shown;
        let brief = request.brief(self.language);
        let line = self.language.pick(
            format!("… {repeated} more like this: {brief}"),
            format!("… 另有 {repeated} 次相同：{brief}"),
        );
        (*repeated > 0).then_some(line)
    }

    fn omitted_line(&mut self) -> Option<String> {
        self.omitted_since = None;
        let omitted = std::mem::take(&mut self.omitted);
        let line = self.language.pick(
            format!(
                "… {omitted} other refused requests; `portraitd emulator requests` shows the last 1,000 calls"
            ),
            format!("… 另有 {omitted} 个请求被拒；用 `portraitd emulator requests` 查看最近 1,000 次调用"),
        );
        (omitted > 0).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::refused;
    use super::*;

    #[test]
    fn equal_requests_are_counted_for_a_window() {
        let (mut lines, start) = (RefusedLines::new(Language::English), Instant::now());
        let call = || refused("portrait_set", "no such account");
        assert_eq!(lines.add(call(), start).len(), 1);
        for _ in 0..17 {
            assert!(lines.add(call(), start + Duration::from_secs(1)).is_empty());
        }
        assert_eq!(lines.add(refused("portrait_set", "another"), start + Duration::from_secs(2)).len(), 1);
        assert!(lines.due(start + Duration::from_secs(4)).is_empty());
        let count = "… 17 more like this: portrait_set  40003";
        assert_eq!(lines.due(start + WINDOW), [count]);
        let again = lines.add(call(), start + WINDOW);
        assert_eq!(again.len(), 1, "shown in full after the window: {again:?}");
        assert!(lines.finish().is_empty(), "nothing was repeated");
    }

    #[test]
    fn a_flood_has_bounded_output() {
        let (mut lines, start) = (RefusedLines::new(Language::English), Instant::now());
        let mut printed = Vec::new();
        // Ten seconds with a thousand different requests each.
        for number in 0..10_000u64 {
            let now = start + Duration::from_millis(number);
            printed.extend(lines.add(refused("x", &number.to_string()), now));
        }
        let omitted = |lines: &[String]| -> u64 {
            let counts = lines.iter().filter(|line| line.contains("other refused"));
            counts.map(|line| line.split(' ').nth(1).unwrap().parse::<u64>().unwrap()).sum()
        };
        assert!(printed.len() <= 2 * SHOWN_MAX + 2, "{}", printed.len());
        printed.extend(lines.finish());
        let shown = printed.iter().filter(|line| line.contains("40003")).count();
        assert_eq!(
            omitted(&printed) + u64::try_from(shown).unwrap(),
            10_000,
            "every request is accounted for"
        );
    }

    #[test]
    fn counts_are_told_in_chinese() {
        let (mut lines, now) = (RefusedLines::new(Language::Chinese), Instant::now());
        lines.add(refused("x", "y"), now);
        lines.add(refused("x", "y"), now);
        lines.omit(3, now);
        let end = lines.finish();
        assert!(end[0].contains("另有 1 次相同") && end[1].contains("另有 3 个请求被拒"), "{end:?}");
    }
}
