//! Which nodes of a network a device runs, and which it leaves to the processor.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr;

use ort::AsPointer;
use ort::session::Session;

use super::{NetworkFile, Opening, onnx};
use crate::error::Result;

/// The nodes of a network on a device, after ONNX Runtime has simplified it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Nodes that the device runs.
    pub on_device: usize,
    /// Nodes that the processor runs instead, by their kind.
    pub on_processor: BTreeMap<String, usize>,
}

impl Placement {
    /// The number of nodes that the processor runs instead.
    pub fn fallbacks(&self) -> usize {
        self.on_processor.values().sum()
    }
}

impl fmt::Display for Placement {
    /// `32 of 452 nodes on the processor: 12 Gather, 5 Slice ...`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.fallbacks();
        write!(out, "{count} of {} nodes on the processor", count + self.on_device)?;
        let mut kinds: Vec<(&String, &usize)> = self.on_processor.iter().collect();
        kinds.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
        for (place, (name, count)) in kinds.into_iter().enumerate() {
            write!(out, "{} {count} {name}", if place == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

/// ONNX Runtime's name for the processor.
const PROCESSOR: &str = "CPUExecutionProvider";

/// Opens `file` and asks where its nodes went.
///
/// # Errors
/// The network does not open on the device.
pub fn placement(file: &NetworkFile, how: &Opening<'_>) -> Result<Placement> {
    let session =
        onnx::session(how.runtime, &file.path, Some(file), how.provider, how.threads, onnx::Placements::Recorded)?;
    let mut placement = Placement::default();
    for (provider, kinds) in assignments(&session) {
        if provider == PROCESSOR {
            for kind in kinds {
                *placement.on_processor.entry(kind).or_default() += 1;
            }
        } else {
            placement.on_device += kinds.len();
        }
    }
    Ok(placement)
}

/// The groups of nodes with the provider that runs them; none if the session did not record them.
fn assignments(session: &Session) -> Vec<(String, Vec<String>)> {
    let api = ort::api();
    let (mut groups, mut count) = (ptr::null(), 0);
    // SAFETY: the session lives; ONNX Runtime writes an array that it owns, and its length.
    let failed =
        unsafe { is_error((api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &raw mut groups, &raw mut count)) };
    if failed || groups.is_null() {
        return Vec::new();
    }
    // SAFETY: the array has this length, and lives as long as the session.
    let groups = unsafe { std::slice::from_raw_parts(groups, count) };
    let of_group = |&group: &*const ort::sys::OrtEpAssignedSubgraph| {
        let (mut name, mut nodes, mut count) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the group is ONNX Runtime's, as above, and so is what it writes.
        let failed = unsafe {
            is_error((api.EpAssignedSubgraph_GetEpName)(group, &raw mut name))
                || is_error((api.EpAssignedSubgraph_GetNodes)(group, &raw mut nodes, &raw mut count))
        };
        if failed || nodes.is_null() {
            return (String::new(), Vec::new());
        }
        // SAFETY: as above.
        let nodes = unsafe { std::slice::from_raw_parts(nodes, count) };
        let kinds = nodes.iter().map(|&node| {
            let mut kind = ptr::null();
            // SAFETY: as above.
            let failed = unsafe { is_error((api.EpAssignedNode_GetOperatorType)(node, &raw mut kind)) };
            if failed { String::new() } else { text(kind) }
        });
        (text(name), kinds.collect())
    };
    groups.iter().map(of_group).collect()
}

/// Whether a call failed; frees the account of it.
///
/// # Safety
/// `status` came from a call to ONNX Runtime and is used nowhere else.
unsafe fn is_error(status: ort::sys::OrtStatusPtr) -> bool {
    if status.0.is_null() {
        return false;
    }
    // SAFETY: as the caller says.
    unsafe { (ort::api().ReleaseStatus)(status.0) };
    true
}

/// A name of ONNX Runtime's.
fn text(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: ONNX Runtime's names end with a zero byte and live as long as the session.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_listed_from_the_most_frequent() {
        let on_processor = [("Shape", 1), ("Gather", 12), ("Add", 1)].map(|(name, count)| (name.to_owned(), count));
        let placement = Placement { on_device: 20, on_processor: on_processor.into() };
        assert_eq!(placement.to_string(), "14 of 34 nodes on the processor: 12 Gather, 1 Add, 1 Shape");
        let clean = Placement { on_device: 3, ..Placement::default() };
        assert_eq!(clean.to_string(), "0 of 3 nodes on the processor");
    }
}
