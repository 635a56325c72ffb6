//! Which device `auto` takes: every one that could run the network paints a picture of the job's size, and the fastest whose
//! picture is the processor's wins. The outcome is kept in the user's cache.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::network::contest::{Measured, TOLERANCE, measure};
use crate::network::provider::{Candidate, Device, Provider, ProviderOptions};
use crate::network::runtime::Runtime;
use crate::network::{NetworkFile, Opening, library};
use crate::size::Size;
use crate::whole;

/// What a device is chosen for.
#[derive(Clone, Debug)]
pub struct Job {
    /// The network that paints, or the one with the largest share.
    pub file: NetworkFile,
    /// Its style weights, or the style vector.
    pub weights: Vec<f32>,
    /// The size that it sees.
    pub size: Size,
}

/// Outcomes that are remembered; when there are more, the file begins again.
const MOST: usize = 200;

/// An outcome, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outcome {
    device: String,
    /// `webgpu (Intel Iris Xe) 6.1 ms, cpu 17.4 ms`
    numbers: String,
}

/// The fastest device for `job`. Measures only if there is another than the processor and the outcome is not known yet.
///
/// # Errors
/// The network does not run on the processor.
pub fn fastest(runtime: &Runtime, options: ProviderOptions, threads: usize, job: &Job) -> Result<Provider> {
    let candidates = Provider::candidates(runtime, options);
    if candidates.is_empty() {
        return Ok(Provider::processor("no other device is installed"));
    }
    let path = library::cache_folder().join("devices.json");
    let mut known: BTreeMap<String, Outcome> =
        fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let key = key(runtime, threads, job, &candidates);
    if let Some(Outcome { device, numbers }) = known.get(&key)
        && let Some(provider) = remembered(device, numbers, &candidates, runtime)
    {
        return Ok(provider);
    }
    let (provider, outcome) = contest(runtime, threads, job, candidates)?;
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(key, outcome);
    // It is only a cache: the next job can measure again.
    if let (Some(folder), Ok(text)) = (path.parent(), serde_json::to_vec_pretty(&known)) {
        let _ = fs::create_dir_all(folder).and_then(|()| whole::write(&path, &text));
    }
    Ok(provider)
}

/// The provider of a known outcome, if it still runs.
fn remembered(device: &str, numbers: &str, candidates: &[Candidate], runtime: &Runtime) -> Option<Provider> {
    let reason = numbers.to_owned();
    let device: Device = device.parse().ok()?;
    if device == Device::Cpu {
        return Some(Provider { reason, ..Provider::processor("") });
    }
    let candidate = candidates.iter().find(|candidate| candidate.provider.device == device)?;
    let provider = Provider { reason, ..candidate.provider.clone() };
    provider.probe(runtime).outcome.is_ok().then_some(provider)
}

/// Measures all and chooses.
fn contest(runtime: &Runtime, threads: usize, job: &Job, candidates: Vec<Candidate>) -> Result<(Provider, Outcome)> {
    let run = |provider: &Provider| {
        let opening = Opening { runtime, provider, threads, tile_above: None };
        measure(&job.file, &job.weights, job.size, &opening)
    };
    let processor = Provider::processor("");
    let reference = run(&processor)?;
    let mut entries = vec![Entry { name: "cpu".to_owned(), result: Ok(reference.milliseconds), provider: processor }];
    for candidate in candidates {
        let (name, provider) = (candidate.to_string(), candidate.provider);
        let probed = provider.probe(runtime).outcome.map_err(|_| "does not run".to_owned());
        let result = probed.and_then(|_| judged(run(&provider), &reference));
        entries.push(Entry { name, result, provider });
    }
    Ok(winner(entries))
}

/// One device in the contest.
struct Entry {
    name: String,
    /// Milliseconds for a picture, or why it cannot win.
    result: Result<f64, String>,
    provider: Provider,
}

fn judged(result: Result<Measured>, reference: &Measured) -> Result<f64, String> {
    let measured = result.map_err(|_| "failed".to_owned())?;
    match measured.difference(reference) {
        difference if difference > TOLERANCE => Err(format!("paints something else (by {difference} of 255)")),
        _ => Ok(measured.milliseconds),
    }
}

/// The fastest of those that can win, with the numbers of all.
fn winner(mut entries: Vec<Entry>) -> (Provider, Outcome) {
    let time = |entry: &Entry| entry.result.as_ref().copied().unwrap_or(f64::INFINITY);
    entries.sort_by(|a, b| time(a).total_cmp(&time(b)));
    let shown = entries.iter().map(|Entry { name, result, .. }| match result {
        Ok(milliseconds) => format!("{name} {milliseconds:.1} ms"),
        Err(reason) => format!("{name} {reason}"),
    });
    let numbers = shown.collect::<Vec<_>>().join(", ");
    let best = entries.swap_remove(0).provider;
    let outcome = Outcome { device: best.device.to_string(), numbers: numbers.clone() };
    (Provider { reason: numbers, ..best }, outcome)
}

/// What the outcome depends on: machine, drivers, library and network.
fn key(runtime: &Runtime, threads: usize, job: &Job, candidates: &[Candidate]) -> String {
    let Job { file, size, .. } = job;
    let network: String =
        if file.sha256.is_empty() { file.name.clone() } else { file.sha256.chars().take(16).collect() };
    let devices: Vec<String> = candidates
        .iter()
        .map(|Candidate { provider, name }| {
            let card = provider.options.device_id;
            format!("{} {card} {}", provider.device, name.as_deref().unwrap_or_default())
        })
        .collect();
    let (processor, drivers) = (processor(), drivers());
    let version = runtime.version();
    format!("{network} {size} on {processor}, {threads} threads, {}; {drivers}; {version}", devices.join(", "))
}

/// The processor's name where the system tells it.
fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned()
}

/// What changes when a driver is updated: the kernel, NVIDIA's module, and the newest of the Vulkan drivers.
fn drivers() -> String {
    let first_line = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let newest =
        ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].iter().filter_map(|folder| newest_in(folder.as_ref())).max();
    let parts = [
        first_line("/proc/sys/kernel/osrelease"),
        first_line("/proc/driver/nvidia/version"),
        newest.map_or_else(String::new, |seconds| seconds.to_string()),
    ];
    parts.join(" ").trim().to_owned()
}

/// When the newest file in a folder was written, in seconds.
fn newest_in(folder: &Path) -> Option<u64> {
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let written =
        |path: PathBuf| Some(fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs());
    files.filter_map(written).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, device: Device, result: Result<f64, String>) -> Entry {
        Entry { name: name.to_owned(), result, provider: Provider { device, ..Provider::processor("") } }
    }

    fn painted(milliseconds: f64, level: u8) -> Measured {
        Measured { milliseconds, painting: vec![level; 30] }
    }

    #[test]
    fn the_fastest_wins_and_all_numbers_are_said() {
        let (provider, outcome) = winner(vec![
            entry("cpu", Device::Cpu, Ok(17.42)),
            entry("webgpu (Intel Iris Xe)", Device::WebGpu, Ok(6.08)),
            entry("openvino", Device::OpenVino, Err("failed".to_owned())),
        ]);
        assert_eq!(provider.device, Device::WebGpu);
        assert_eq!(provider.reason, "webgpu (Intel Iris Xe) 6.1 ms, cpu 17.4 ms, openvino failed");
        assert_eq!(outcome.device, "webgpu");
    }

    #[test]
    fn a_graphics_card_that_is_slower_is_not_taken() {
        let (provider, _) =
            winner(vec![entry("cpu", Device::Cpu, Ok(17.0)), entry("webgpu", Device::WebGpu, Ok(34.0))]);
        assert_eq!(provider.device, Device::Cpu);
        assert_eq!(provider.reason, "cpu 17.0 ms, webgpu 34.0 ms");
    }

    #[test]
    fn a_device_that_paints_something_else_cannot_win() {
        let reference = painted(10.0, 100);
        assert_eq!(judged(Ok(painted(1.0, 102)), &reference), Ok(1.0));
        let refused = judged(Ok(painted(1.0, 103)), &reference).unwrap_err();
        assert_eq!(refused, "paints something else (by 3 of 255)");
        assert_eq!(judged(Err(crate::error::Error::failed("no")), &reference), Err("failed".to_owned()));
    }
}
