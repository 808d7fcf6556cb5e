//! What does the work of an encoder or decoder, and where its pictures lie.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::i18n::gettext_f;

/// What an encoder or decoder runs on. Every device is a row of its own: of two graphics
/// cards one may be busy, or broken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Device {
    /// The processor.
    Software,
    /// An NVIDIA card, by CUDA's number.
    Nvidia {
        /// From 0.
        gpu: u32,
    },
    /// A card driven by VA-API.
    Va {
        /// Its render node, such as `/dev/dri/renderD128`.
        node: PathBuf,
    },
    /// A codec behind V4L2, as small boards have.
    V4l2 {
        /// Its device node.
        node: PathBuf,
    },
    /// The codec of an NVIDIA Jetson.
    Jetson,
}

impl Device {
    /// Whether it needs hardware beside the processor, and so a driver that may crash.
    pub fn is_hardware(&self) -> bool {
        *self != Self::Software
    }

    /// The name in files and messages, such as `nvidia:1` or `va:/dev/dri/renderD128`.
    pub fn key(&self) -> String {
        match self {
            Self::Software => "software".into(),
            Self::Nvidia { gpu } => format!("nvidia:{gpu}"),
            Self::Va { node } => format!("va:{}", node.display()),
            Self::V4l2 { node } => format!("v4l2:{}", node.display()),
            Self::Jetson => "jetson".into(),
        }
    }

    /// What it is called behind an encoder's name, such as “NVENC on GPU 1”.
    pub fn words(&self) -> String {
        match self {
            Self::Software => crate::i18n::gettext("the processor"),
            Self::Nvidia { gpu } => gettext_f("GPU {number}", &[("number", &gpu.to_string())]),
            Self::Va { node } | Self::V4l2 { node } => node.display().to_string(),
            Self::Jetson => "Jetson".into(),
        }
    }
}

/// Where pictures lie between two elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// The processor's.
    #[default]
    System,
    /// An NVIDIA card's, as CUDA sees it.
    Cuda,
    /// A VA-API card's.
    Va,
    /// A Jetson's.
    Nvmm,
}

impl Memory {
    /// The caps feature that says so; `None` for the processor's own.
    pub const fn caps_feature(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Cuda => Some("memory:CUDAMemory"),
            Self::Va => Some("memory:VAMemory"),
            Self::Nvmm => Some("memory:NVMM"),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.caps_feature().unwrap_or("system memory"))
    }
}
