use super::*;

/// Numbers that look random and are the same in every run.
pub(in crate::limit) struct Numbers(pub(in crate::limit) u64);

impl Numbers {
    pub(in crate::limit) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn one(quota: Quota, window: &mut Window, now_ms: u64) -> (bool, Standing) {
    let (admitted, standings) = take(&mut [(quota, window)], now_ms);
    (admitted, standings[0])
}

/// The most that any window of this length has seen.
fn most(admitted: &[u64], window_ms: u64) -> usize {
    let (mut most, mut from) = (0, 0);
    for (at, now) in admitted.iter().enumerate() {
        while admitted[from] + window_ms < *now {
            from += 1;
        }
        most = most.max(at + 1 - from);
    }
    most
}

#[test]
fn no_window_sees_more_than_the_quota_and_steady_demand_gets_nearly_all() {
    for (count, window_ms) in
        [(1, 1000), (5, 900_000), (100, 60_000), (1000, 1000), (7, 1234), (300, 86_400_000)]
    {
        let quota = Quota::new(count, window_ms);
        let (mut window, mut admitted) = (Window::default(), Vec::new());
        let (start, step) = (1_764_000_000_123, (window_ms / 4000).max(1));
        let windows = 20;
        for tick in 0..windows * window_ms / step {
            let now = start + tick * step;
            // As many as it lets in: whoever is denied tries again with the next tick.
            while one(quota, &mut window, now).0 {
                admitted.push(now);
            }
        }
        assert_eq!(most(&admitted, window_ms), count as usize, "{quota}");
        let reached = admitted.len() as f64 / (windows as f64 * f64::from(count));
        assert!(reached >= 0.98, "{quota}: {reached}");
        assert!(window.slots.len() <= 61, "{quota}: {}", window.slots.len());
    }
}

#[test]
fn arbitrary_demand_stays_within_every_quota_and_waits_are_exact() {
    let mut numbers = Numbers(7);
    for _ in 0..300 {
        let quotas = [0; 3].map(|_| {
            Quota::new(1 + numbers.below(20) as u32, [1000, 1700, 60_000][numbers.below(3) as usize])
        });
        let (mut windows, mut admitted) = ([const { Window { slots: Vec::new() } }; 3], Vec::new());
        let mut now = 1_764_000_000_000;
        for _ in 0..400 {
            now += if numbers.below(3) == 0 { 0 } else { numbers.below(500) };
            let before = windows.clone();
            let mut limits: Vec<_> = quotas.into_iter().zip(&mut windows).collect();
            let (passed, standings) = take(&mut limits, now);
            if passed {
                admitted.push(now);
                assert!(standings.iter().all(|standing| standing.retry_ms == 0 && standing.slot_ms > now));
                continue;
            }
            assert_eq!(windows, before, "what is denied charges nothing");
            let wait = standings.iter().map(|standing| standing.retry_ms).max().unwrap_or_default();
            for (later, passes) in [(wait - 1, false), (wait, true)] {
                let mut copies = windows.clone();
                let mut limits: Vec<_> = quotas.into_iter().zip(&mut copies).collect();
                assert_eq!(take(&mut limits, now + later).0, passes, "{wait} ms are exact");
            }
        }
        for quota in quotas {
            assert!(most(&admitted, quota.window_ms) <= quota.count as usize, "{quota}");
        }
    }
}

#[test]
fn a_clock_that_was_put_back_makes_nobody_wait_longer_than_a_window() {
    let quota = Quota::new(3, 60_000);
    let (mut window, now) = (Window::default(), 1_764_000_000_000);
    for _ in 0..3 {
        assert!(one(quota, &mut window, now).0);
    }
    let back = now - 3_600_000;
    let (admitted, standing) = one(quota, &mut window, back);
    assert!(!admitted, "what was counted still counts");
    assert!(standing.retry_ms <= 61_000, "{standing:?}");
    assert!(!one(quota, &mut window, back + standing.retry_ms - 1).0);
    assert!(one(quota, &mut window, back + standing.retry_ms).0, "the denial has mended the slots");
}

#[test]
fn a_quota_that_changed_counts_what_was_admitted_before() {
    let (mut window, now) = (Window::default(), 1_764_000_000_000);
    for _ in 0..10 {
        assert!(one(Quota::new(10, 60_000), &mut window, now).0);
    }
    assert!(!one(Quota::new(5, 60_000), &mut window, now + 1).0, "one that shrank holds at once");
    assert!(!one(Quota::new(10, 3_600_000), &mut window, now + 50_000).0, "a longer window too");
    assert!(one(Quota::new(11, 3_600_000), &mut window, now + 50_000).0);
    let (admitted, standing) = one(Quota::new(5, 1000), &mut window, now + 50_000);
    assert!(admitted, "a shorter one has only the last to count");
    assert_eq!(standing.remaining, 3);
}

#[test]
fn a_refund_goes_to_the_slot_that_was_charged() {
    let (quota, now) = (Quota::new(2, 60_000), 1_764_000_000_000);
    let mut window = Window::default();
    let (_, first) = one(quota, &mut window, now);
    one(quota, &mut window, now + 30_000);
    assert!(!one(quota, &mut window, now + 31_000).0);
    window.refund(first.slot_ms);
    window.refund(first.slot_ms);
    window.refund(12);
    assert!(one(quota, &mut window, now + 31_000).0);
    assert!(!one(quota, &mut window, now + 61_500).0, "once only: the other two still count");
}
