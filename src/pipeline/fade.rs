//! Cross-fades styles: for half a second, the old mix of networks and weights turns into the new one.

use std::time::{Duration, Instant};

use super::governor::Costs;
use crate::network::{Network, NetworkFile};
use crate::stylize::WeightedNetwork;

/// How long a change takes.
pub const FADE: Duration = Duration::from_millis(500);

/// One network of a chosen style.
pub struct Chosen {
    /// Its file; `None` copies the picture.
    pub file: Option<NetworkFile>,
    /// The opened and warmed-up network, unless an earlier choice brought it.
    pub network: Option<Box<dyn Network>>,
    /// Its style weights, or the style vector.
    pub weights: Vec<f32>,
    /// Its share of the result.
    pub share: f32,
    /// What it takes, as far as it was measured. Read only when its network is new.
    pub costs: Costs,
}

/// Weights and share of one network.
type Contribution = (Vec<f32>, f32);

/// The opened networks, and how much each contributes over time.
#[derive(Default)]
pub struct Fade {
    files: Vec<Option<NetworkFile>>,
    /// What they take, in the same order.
    costs: Vec<Costs>,
    /// One contribution per network, in their order.
    from: Vec<Contribution>,
    to: Vec<Contribution>,
    began: Option<Instant>,
}

impl Fade {
    /// Starts a fade at `now` from what `parts` show to `chosen`; new networks are added to `parts`.
    pub fn begin(&mut self, parts: &mut Vec<WeightedNetwork>, chosen: Vec<Chosen>, now: Instant) {
        let is_first = self.files.is_empty();
        let mut to: Vec<Contribution> = self.files.iter().map(|_| (Vec::new(), 0.0)).collect();
        for Chosen { file, network, weights, share, costs } in chosen {
            let place = match (self.files.iter().position(|known| *known == file), network) {
                (Some(place), _) => place,
                (None, Some(network)) => {
                    let side = file.as_ref().map(|file| file.side);
                    self.files.push(file);
                    self.costs.push(costs);
                    parts.push(WeightedNetwork { network, weights: vec![0.0; weights.len()], share: 0.0, side });
                    to.push((Vec::new(), 0.0));
                    parts.len() - 1
                }
                // Without a network there is nothing to show; whoever chose it reports that.
                (None, None) => continue,
            };
            to[place] = (weights, share);
        }
        self.from = parts.iter().map(|part| (part.weights.clone(), part.share)).collect();
        // A network that is not in both keeps its weights while its share comes or goes.
        for ((target, from), part) in to.iter_mut().zip(&mut self.from).zip(parts.iter()) {
            if target.1 == 0.0 {
                target.0.clone_from(&part.weights);
            } else if from.1 == 0.0 {
                from.0.clone_from(&target.0);
            }
        }
        self.to = to;
        self.began = Some(now);
        // The show starts in its style; it does not fade in.
        self.apply(parts, if is_first { now + FADE } else { now });
    }

    /// What a frame takes now, and while the fade lasts: the costs of all networks that run. Nothing, if one is not known.
    pub fn costs(&self, parts: &[WeightedNetwork]) -> Costs {
        let fading = self.began.is_some();
        let runs =
            |place: usize| parts[place].share > 0.0 || fading && (self.from[place].1 > 0.0 || self.to[place].1 > 0.0);
        let paints = |place: &usize| self.files[*place].is_some() && runs(*place);
        let running = (0..self.files.len()).filter(paints).map(|place| self.costs[place].clone());
        running.reduce(|all, one| all.plus(&one)).unwrap_or_default()
    }

    /// Keeps what was measured, if a single network ran.
    pub fn learn(&mut self, parts: &[WeightedNetwork], measured: &Costs) {
        let mut running = (0..self.files.len()).filter(|&place| parts[place].share > 0.0);
        if let (Some(place), None, None) = (running.next(), running.next(), self.began) {
            self.costs[place] = measured.or(&self.costs[place]);
        }
    }

    /// The networks that were used, with what they take.
    pub fn into_costs(self) -> Vec<(NetworkFile, Costs)> {
        self.files.into_iter().zip(self.costs).filter_map(|(file, costs)| Some((file?, costs))).collect()
    }

    /// Sets the weights and shares of `parts` for `now`. While a fade is in progress, returns whether the number of running
    /// networks changed; `None` when it is over.
    pub fn apply(&mut self, parts: &mut [WeightedNetwork], now: Instant) -> Option<bool> {
        let began = self.began?;
        let before = running(parts);
        let progress = (now.saturating_duration_since(began).as_secs_f32() / FADE.as_secs_f32()).min(1.0);
        // Slow at both ends.
        let new = progress * progress * (3.0 - 2.0 * progress);
        for (part, (from, to)) in parts.iter_mut().zip(self.from.iter().zip(&self.to)) {
            part.share = from.1 + new * (to.1 - from.1);
            // Weighted by share, so that a style's fraction of the picture changes evenly.
            let (old, new) = (from.1 * (1.0 - new), to.1 * new);
            let total = (old + new).max(f32::MIN_POSITIVE);
            part.weights.resize(to.0.len(), 0.0);
            for (weight, (from, to)) in part.weights.iter_mut().zip(from.0.iter().zip(&to.0)) {
                *weight = (old * from + new * to) / total;
            }
            if old + new == 0.0 {
                part.weights.clone_from(&to.0);
            }
        }
        if progress >= 1.0 {
            self.began = None;
        }
        Some(running(parts) != before)
    }
}

fn running(parts: &[WeightedNetwork]) -> usize {
    parts.iter().filter(|part| part.share > 0.0).count()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::network::{Identity, Layout};

    fn file(name: &str) -> Option<NetworkFile> {
        let (path, layout) = (PathBuf::from(name), Layout::NhwcU8);
        Some(NetworkFile { name: name.into(), path, tiles: None, layout, styles: 2, side: 432, sha256: String::new() })
    }

    fn chosen(name: &str, weights: [f32; 2], share: f32) -> Chosen {
        let costs = Costs::default().with(1.0, 0.010);
        Chosen { file: file(name), network: Some(Box::new(Identity)), weights: weights.to_vec(), share, costs }
    }

    #[test]
    fn two_styles_of_one_network_fade_by_their_weights() {
        let (mut fade, mut parts, start) = (Fade::default(), Vec::new(), Instant::now());
        fade.begin(&mut parts, vec![chosen("a", [1.0, 0.0], 1.0)], start);
        assert_eq!((parts.len(), parts[0].share, parts[0].weights.as_slice()), (1, 1.0, &[1.0, 0.0][..]));
        fade.begin(&mut parts, vec![chosen("a", [0.0, 1.0], 1.0)], start);
        assert_eq!((fade.costs(&parts).at(0), parts.len()), (0.010, 1));
        assert!(fade.apply(&mut parts, start + FADE / 2).is_some());
        assert_eq!((parts[0].share, parts[0].weights.as_slice()), (1.0, &[0.5, 0.5][..]));
        fade.apply(&mut parts, start + FADE);
        assert_eq!(parts[0].weights, [0.0, 1.0]);
        assert!(fade.apply(&mut parts, start + FADE * 2).is_none());
    }

    #[test]
    fn two_networks_fade_by_their_shares_and_the_old_one_stops_afterwards() {
        let (mut fade, mut parts, start) = (Fade::default(), Vec::new(), Instant::now());
        fade.begin(&mut parts, vec![chosen("a", [1.0, 0.0], 1.0)], start);
        fade.begin(&mut parts, vec![chosen("b", [0.0, 1.0], 1.0)], start);
        assert_eq!(fade.costs(&parts).at(0), 0.020);
        fade.apply(&mut parts, start + FADE / 2);
        assert_eq!([parts[0].share, parts[1].share], [0.5, 0.5]);
        assert_eq!([&parts[0].weights, &parts[1].weights], [&[1.0, 0.0], &[0.0, 1.0]]);
        assert_eq!(fade.apply(&mut parts, start + FADE), Some(true));
        assert_eq!(fade.costs(&parts).at(0), 0.010);
        assert_eq!([parts[0].share, parts[1].share], [0.0, 1.0]);
    }

    #[test]
    fn what_was_measured_is_kept_for_the_network_that_ran_alone() {
        let (mut fade, mut parts, start) = (Fade::default(), Vec::new(), Instant::now());
        fade.begin(&mut parts, vec![chosen("a", [1.0, 0.0], 1.0)], start);
        let measured = Costs::default().with(2.0, 0.003);
        fade.learn(&parts, &measured);
        assert_eq!(fade.costs(&parts).known().collect::<Vec<_>>(), [(1.0, 0.010), (2.0, 0.003)]);
        fade.begin(&mut parts, vec![chosen("b", [0.0, 1.0], 1.0)], start);
        fade.learn(&parts, &Costs::default().with(2.0, 9.0));
        let kept = fade.into_costs().into_iter().map(|(file, costs)| (file.name, costs.at(6)));
        assert_eq!(kept.collect::<Vec<_>>(), [("a".to_owned(), 0.003), ("b".to_owned(), 0.00325)]);
    }

    #[test]
    fn a_change_during_a_fade_continues_from_what_is_shown() {
        let (mut fade, mut parts, start) = (Fade::default(), Vec::new(), Instant::now());
        fade.begin(&mut parts, vec![chosen("a", [1.0, 0.0], 1.0)], start);
        fade.begin(&mut parts, vec![chosen("a", [0.0, 1.0], 1.0)], start);
        fade.apply(&mut parts, start + FADE / 2);
        fade.begin(&mut parts, vec![chosen("a", [1.0, 0.0], 1.0)], start + FADE / 2);
        assert_eq!(parts[0].weights, [0.5, 0.5]);
        fade.apply(&mut parts, start + FADE * 2);
        assert_eq!(parts[0].weights, [1.0, 0.0]);
    }
}
