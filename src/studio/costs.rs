//! What networks took in earlier shows, in a file of the user's cache. Without it, a show measures them again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::network::provider::Device;
use crate::network::{NetworkFile, library};
use crate::pipeline::governor::Costs;
use crate::size::Size;
use crate::stylize::Scale;
use crate::whole;

/// Networks and shows that are remembered; when there are more, the file begins again.
const MOST: usize = 200;

/// By what is measured: the reductions with their seconds per frame.
type Entries = BTreeMap<String, Vec<(f32, f64)>>;

/// The costs of networks in shows of one size.
pub struct CostBook {
    path: PathBuf,
    entries: Entries,
    /// What else the costs depend on.
    setting: String,
}

impl CostBook {
    /// For shows of frames of size `frame` with strokes of size `scale`, on this device with as many cores.
    pub fn open(frame: Size, scale: Scale, device: Device, threads: usize) -> Self {
        let Size { width, height } = frame;
        let setting = format!("{device} {threads} threads {width}x{height} scale {scale}");
        Self::at(library::cache_folder().join("costs.json"), setting)
    }

    fn at(path: PathBuf, setting: String) -> Self {
        let read = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path, entries: read.unwrap_or_default(), setting }
    }

    /// What `file` took, as far as it is known.
    pub fn costs(&self, file: &NetworkFile) -> Costs {
        let known = self.entries.get(&self.key(file)).into_iter().flatten();
        known.fold(Costs::default(), |costs, (reduction, seconds)| costs.with(*reduction, *seconds))
    }

    /// Keeps the costs of `networks`.
    pub fn keep(&mut self, networks: &[(NetworkFile, Costs)]) {
        if self.entries.len() > MOST {
            self.entries.clear();
        }
        for (file, costs) in networks.iter().filter(|(_, costs)| !costs.is_empty()) {
            self.entries.insert(self.key(file), costs.known().collect());
        }
        // It is only a cache: the next show can measure again.
        if let (Some(folder), Ok(text)) = (self.path.parent(), serde_json::to_vec_pretty(&self.entries)) {
            let _ = fs::create_dir_all(folder).and_then(|()| whole::write(&self.path, &text));
        }
    }

    fn key(&self, file: &NetworkFile) -> String {
        let of: String =
            if file.sha256.is_empty() { file.name.clone() } else { file.sha256.chars().take(16).collect() };
        format!("{of} {}", self.setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Layout;

    #[test]
    fn costs_are_found_again_for_the_same_network_in_the_same_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/costs.json");
        let network = |sha256: &str| NetworkFile {
            name: "live".into(),
            path: "live.onnx".into(),
            tiles: None,
            layout: Layout::NhwcU8,
            styles: 2,
            side: 432,
            sha256: sha256.into(),
        };
        let costs = Costs::default().with(1.0, 0.040).with(1.5, 0.018);
        let mut book = CostBook::at(path.clone(), "cpu 2 threads".into());
        assert!(book.costs(&network("a")).is_empty());
        book.keep(&[(network("a"), costs.clone()), (network("b"), Costs::default())]);
        let again = |setting: &str| CostBook::at(path.clone(), setting.into());
        assert_eq!(again("cpu 2 threads").costs(&network("a")), costs);
        assert!(again("cpu 2 threads").costs(&network("b")).is_empty());
        assert!(again("cpu 4 threads").costs(&network("a")).is_empty());
        fs::write(&path, "not JSON").unwrap();
        assert!(again("cpu 2 threads").costs(&network("a")).is_empty());
    }
}
