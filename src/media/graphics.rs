//! The graphics cards of this machine: which, driven by what, and whether this user may
//! use them. Read from the system's files; nothing is switched on.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::availability::drivers::{kernel_driver, kernel_release, nvidia_version};
use crate::i18n::gettext_f;

/// A graphics card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphicsCard {
    /// The file through which programs use it, such as `/dev/dri/renderD128`.
    pub node: PathBuf,
    /// What it is: the model if the driver says it, else its PCI numbers; empty if neither is known.
    pub name: String,
    /// The kernel's driver, such as `i915` or `nvidia`; empty if unknown.
    pub driver: String,
    /// The driver's version; for drivers that come with the kernel, the kernel's.
    pub version: String,
    /// Whether this user may use it.
    pub access: Access,
}

/// Whether this user may use a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Yes.
    Allowed,
    /// No.
    Denied,
    /// It could not be found out, for this reason.
    Unknown(String),
}

impl GraphicsCard {
    /// The cards of this machine, in the order of their nodes.
    pub fn installed() -> Vec<Self> {
        Self::below(Path::new("/"))
    }

    /// What hinders its use and what to do next, in two sentences.
    pub fn problem(&self) -> Option<String> {
        let node = self.node.display().to_string();
        match &self.access {
            Access::Allowed => None,
            Access::Denied => Some(gettext_f(
                "This user may not use the graphics card at {node}. Add the user to the group that owns it, often “render” or “video”, and log in again.",
                &[("node", &node)],
            )),
            Access::Unknown(reason) => Some(gettext_f(
                "The graphics card at {node} cannot be opened: {reason}. Check that its driver is loaded.",
                &[("node", &node), ("reason", reason)],
            )),
        }
    }

    fn below(root: &Path) -> Vec<Self> {
        let mut cards = render_nodes(root);
        // NVIDIA's driver can be there without a render node, in containers above all.
        if !cards.iter().any(|card| card.driver == "nvidia") {
            cards.extend(nvidia_cards(root));
        }
        cards
    }
}

fn render_nodes(root: &Path) -> Vec<GraphicsCard> {
    let names = entries(&root.join("sys/class/drm")).into_iter().filter(|name| name.starts_with("renderD"));
    names.map(|name| render_node(root, &name)).collect()
}

fn render_node(root: &Path, name: &str) -> GraphicsCard {
    let node = Path::new("/dev/dri").join(name);
    let driver = kernel_driver(root, &node).unwrap_or_default();
    let device = root.join("sys/class/drm").join(name).join("device");
    let model = fs::canonicalize(&device).ok().and_then(|address| nvidia_model(root, address.file_name()?.to_str()?));
    GraphicsCard {
        name: model.or_else(|| pci_numbers(&device)).unwrap_or_default(),
        version: if driver == "nvidia" { nvidia_version(root).unwrap_or_default() } else { kernel_release(root) },
        access: access(root, &node),
        driver,
        node,
    }
}

/// The cards that NVIDIA's driver lists by PCI address.
fn nvidia_cards(root: &Path) -> Vec<GraphicsCard> {
    let addresses = entries(&root.join("proc/driver/nvidia/gpus"));
    let card = |(number, address): (usize, &String)| {
        let node = PathBuf::from(format!("/dev/nvidia{number}"));
        GraphicsCard {
            name: nvidia_model(root, address).unwrap_or_default(),
            driver: "nvidia".into(),
            version: nvidia_version(root).unwrap_or_default(),
            access: access(root, &node),
            node,
        }
    };
    addresses.iter().enumerate().map(card).collect()
}

fn nvidia_model(root: &Path, address: &str) -> Option<String> {
    let about = fs::read_to_string(root.join("proc/driver/nvidia/gpus").join(address).join("information")).ok()?;
    about.lines().find_map(|line| line.strip_prefix("Model:")).map(|model| model.trim().to_owned())
}

/// Vendor and device as `8086:46a6`, which every list of PCI devices explains.
fn pci_numbers(device: &Path) -> Option<String> {
    let number = |file| {
        let text = fs::read_to_string(device.join(file)).ok()?;
        Some(text.trim().strip_prefix("0x")?.to_owned())
    };
    Some(format!("{}:{}", number("vendor")?, number("device")?))
}

/// Opens the node, which for a render node is no more than that.
fn access(root: &Path, node: &Path) -> Access {
    let path = root.join(node.strip_prefix("/").unwrap_or(node));
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Access::Allowed,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Access::Denied,
        Err(error) => Access::Unknown(error.to_string()),
    }
}

/// The names in a folder, sorted; none if there is no such folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn render_node_on(root: &Path, number: u32, address: &str, driver: &str) {
        let device = format!("sys/devices/pci/{address}");
        write(root, &format!("{device}/vendor"), "0x8086\n");
        write(root, &format!("{device}/device"), "0x46a6\n");
        symlink(format!("/drivers/{driver}"), root.join(&device).join("driver")).unwrap();
        let node = root.join(format!("sys/class/drm/renderD{number}"));
        fs::create_dir_all(&node).unwrap();
        symlink(root.join(device), node.join("device")).unwrap();
    }

    #[test]
    fn cards_are_listed_with_driver_version_and_access() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(GraphicsCard::below(root), []);
        render_node_on(root, 128, "0000:00:02.0", "i915");
        render_node_on(root, 129, "0000:01:00.0", "nvidia");
        write(root, "dev/dri/renderD128", "");
        write(root, "proc/sys/kernel/osrelease", "6.12.0\n");
        write(root, "sys/module/nvidia/version", "560.35\n");
        write(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX A2000\nIRQ: 1\n");

        let cards = GraphicsCard::below(root);
        let told: Vec<_> =
            cards.iter().map(|card| (card.name.as_str(), card.driver.as_str(), card.version.as_str())).collect();
        assert_eq!(told, [("8086:46a6", "i915", "6.12.0"), ("NVIDIA RTX A2000", "nvidia", "560.35")]);
        assert_eq!((&cards[0].access, cards[0].problem()), (&Access::Allowed, None));
        let problem = cards[1].problem().unwrap();
        assert!(problem.contains("/dev/dri/renderD129"), "{problem}");
    }

    #[test]
    fn a_card_without_a_render_node_is_listed_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: NVIDIA L4\n");
        write(root, "dev/nvidia0", "");
        let cards = GraphicsCard::below(root);
        assert_eq!((cards[0].node.to_str(), cards[0].name.as_str()), (Some("/dev/nvidia0"), "NVIDIA L4"));
    }

    #[test]
    fn a_denied_card_says_what_to_do() {
        let node = PathBuf::from("/dev/dri/renderD128");
        let (name, driver, version) = (String::new(), String::new(), String::new());
        let card = GraphicsCard { node, name, driver, version, access: Access::Denied };
        assert!(card.problem().unwrap().contains("“render”"));
    }
}
