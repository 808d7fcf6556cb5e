//! Packs the window's styles and icons into the program.

fn main() {
    #[cfg(feature = "gui")]
    glib_build_tools::compile_resources(
        &["resources/ui", "data/icons/hicolor"],
        "resources/ui/heliograph.gresource.xml",
        "heliograph.gresource",
    );
}
