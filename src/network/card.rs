//! What a graphics card is called.

use std::fs;

/// The system's list of PCI devices; empty where there is none.
pub(super) fn pci_ids() -> String {
    let places = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];
    places
        .iter()
        .find_map(|path| fs::read(path).ok())
        .map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The vendor and the name of a graphics card, from its PCI numbers.
pub(super) fn card_name(vendor_id: u32, card: u32, vendor: &str, list: &str) -> String {
    const VENDORS: [(u32, &str); 6] = [
        (0x1002, "AMD"),
        (0x106b, "Apple"),
        (0x10de, "NVIDIA"),
        (0x13b5, "Arm"),
        (0x5143, "Qualcomm"),
        (0x8086, "Intel"),
    ];
    let known = VENDORS.iter().find(|(id, _)| *id == vendor_id).map(|(_, name)| *name);
    let vendor = known.or(Some(vendor).filter(|vendor| !vendor.is_empty()));
    // `8086  Intel Corporation`, then lines that begin with one tab: `\t9a49  TigerLake-LP GT2 [Iris Xe Graphics]`.
    let (heading, wanted) = (format!("{vendor_id:04x} "), format!("\t{card:04x} "));
    let name = list
        .lines()
        .skip_while(|line| !line.starts_with(&heading))
        .skip(1)
        .take_while(|line| line.starts_with(['\t', '#']))
        .find_map(|line| line.strip_prefix(&wanted));
    // What stands in brackets is the name that it is sold under.
    let name = name.map(|name| match (name.find('['), name.rfind(']')) {
        (Some(begin), Some(end)) if begin < end => &name[begin + 1..end],
        _ => name.trim(),
    });
    match (vendor, name) {
        (Some(vendor), Some(name)) => format!("{vendor} {name}"),
        (Some(vendor), None) => format!("{vendor} {card:04x}"),
        (None, _) => format!("graphics card {vendor_id:04x}:{card:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# A comment\n1002  Advanced Micro Devices, Inc.\n\t9a49  Not this one\n8086  Intel Corporation\n\
                        \t9a49  TigerLake-LP GT2 [Iris Xe Graphics]\n\t\t1028 0a21  A board\n\t9a60  TigerLake-H GT1\n";

    #[test]
    fn a_card_has_the_name_that_it_is_sold_under() {
        assert_eq!(card_name(0x8086, 0x9a49, "", LIST), "Intel Iris Xe Graphics");
        assert_eq!(card_name(0x8086, 0x9a60, "Intel", LIST), "Intel TigerLake-H GT1");
        assert_eq!(card_name(0x10de, 0x2684, "", LIST), "NVIDIA 2684");
        assert_eq!(card_name(0x1234, 0x1, "Maker", ""), "Maker 0001");
        assert_eq!(card_name(0x1234, 0x1, "", ""), "graphics card 1234:0001");
    }
}
