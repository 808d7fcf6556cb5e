//! What drives a device, in a text that changes with every new driver.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use gst::prelude::*;

use crate::media::Device;

/// Where VA-API drivers are installed; distributions differ.
const VA_DRIVER_FOLDERS: &[&str] =
    &["usr/lib/x86_64-linux-gnu/dri", "usr/lib/aarch64-linux-gnu/dri", "usr/lib64/dri", "usr/lib/dri"];

/// What a verdict on this element depends on: the versions of GStreamer, of the
/// element's plugin and of the device's driver.
pub(super) fn fingerprint(element: &str, device: &Device) -> String {
    let plugin = gst::ElementFactory::find(element).and_then(|factory| factory.plugin());
    let plugin = plugin.map_or_else(String::new, |plugin| format!("{} {}", plugin.plugin_name(), plugin.version()));
    [gst::version_string().to_string(), plugin, driver_version(Path::new("/"), device)].join("; ")
}

/// The driver of a device: name and version as far as the system says. `root` is `/`,
/// or another place in tests.
pub(in crate::media) fn driver_version(root: &Path, device: &Device) -> String {
    match device {
        Device::Software => String::new(),
        Device::Nvidia { .. } => nvidia_version(root).unwrap_or_default(),
        Device::Va { node } => {
            let driver = kernel_driver(root, node).unwrap_or_default();
            format!("{driver} {} {}", kernel_release(root), va_drivers(root))
        }
        Device::V4l2 { node } => {
            let name = node.file_name().unwrap_or_default();
            let name = first_line(&root.join("sys/class/video4linux").join(name).join("name")).unwrap_or_default();
            format!("{name} {}", kernel_release(root))
        }
        Device::Jetson => {
            let release = first_line(&root.join("etc/nv_tegra_release")).unwrap_or_default();
            format!("{release} {}", kernel_release(root))
        }
    }
}

/// The version of NVIDIA's kernel module, and so of its driver.
pub(in crate::media) fn nvidia_version(root: &Path) -> Option<String> {
    first_line(&root.join("sys/module/nvidia/version")).or_else(|| first_line(&root.join("proc/driver/nvidia/version")))
}

/// The kernel's driver of a render node, such as `i915`.
pub(in crate::media) fn kernel_driver(root: &Path, node: &Path) -> Option<String> {
    let link = root.join("sys/class/drm").join(node.file_name()?).join("device/driver");
    Some(fs::read_link(link).ok()?.file_name()?.to_string_lossy().into_owned())
}

/// The kernel's release, and with it the version of every driver that comes with it.
pub(in crate::media) fn kernel_release(root: &Path) -> String {
    first_line(&root.join("proc/sys/kernel/osrelease")).unwrap_or_default()
}

/// The half of VA-API's drivers that runs in the process has no version to ask for
/// without running it; its files change when it does.
fn va_drivers(root: &Path) -> String {
    let folders = VA_DRIVER_FOLDERS.iter().map(|folder| root.join(folder));
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let mut drivers: Vec<String> = files.filter_map(|file| va_driver(&file)).collect();
    drivers.sort();
    drivers.join(",")
}

fn va_driver(file: &PathBuf) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix("_drv_video.so")?;
    let about = fs::metadata(file).ok()?;
    let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(format!("{name}:{}:{changed}", about.len()))
}

fn first_line(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn a_new_driver_has_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let gpu = Device::Nvidia { gpu: 0 };
        write(root, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54\nGCC 13\n");
        let old = driver_version(root, &gpu);
        assert!(old.contains("550.54") && !old.contains("GCC"), "{old}");
        write(root, "sys/module/nvidia/version", "560.35.03\n");
        assert_eq!(driver_version(root, &gpu), "560.35.03");

        let card = Device::Va { node: "/dev/dri/renderD128".into() };
        write(root, "proc/sys/kernel/osrelease", "6.12.0\n");
        fs::create_dir_all(root.join("sys/class/drm/renderD128/device")).unwrap();
        std::os::unix::fs::symlink("../../drivers/i915", root.join("sys/class/drm/renderD128/device/driver")).unwrap();
        let old = driver_version(root, &card);
        assert!(old.starts_with("i915 6.12.0"), "{old}");
        write(root, "usr/lib64/dri/iHD_drv_video.so", "an ELF file");
        assert!(driver_version(root, &card).contains("iHD:11:"), "{}", driver_version(root, &card));

        let board = Device::V4l2 { node: "/dev/video11".into() };
        write(root, "sys/class/video4linux/video11/name", "bcm2835-codec-encode\n");
        assert_eq!(driver_version(root, &board), "bcm2835-codec-encode 6.12.0");
        assert_eq!(driver_version(root, &Device::Software), "");
    }
}
