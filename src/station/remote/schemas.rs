//! The schemas in `data/mqtt/schemas` say what the types say.

use std::{fs, path::Path};

use schemars::{JsonSchema, schema_for};

use super::{
    reports::{
        ActionReport, ControlReport, DataReport, EstimateReport, FeedList, FeedReport, InstanceState, Reply,
        StatsReport, ViewersReport,
    },
    requests::{ControlCommand, FeedQuestion, InstanceCommand},
};
use crate::engine::FeedCommand;

/// Set, it has the test write the schemas instead of comparing them.
const WRITE: &str = "HELIOGRAPH_WRITE_SCHEMAS";

fn schema<T: JsonSchema>(name: &'static str) -> (&'static str, String) {
    let text = serde_json::to_string_pretty(&schema_for!(T)).unwrap() + "\n";
    (name, text)
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mqtt/schemas");
    let schemas = [
        schema::<FeedCommand>("feed-command"),
        schema::<FeedQuestion>("feed-question"),
        schema::<InstanceCommand>("instance-command"),
        schema::<ControlCommand>("control-command"),
        schema::<ControlReport>("control"),
        schema::<Reply>("reply"),
        schema::<InstanceState>("instance-state"),
        schema::<FeedList>("feeds"),
        schema::<FeedReport>("feed-state"),
        schema::<StatsReport>("feed-stats"),
        schema::<EstimateReport>("feed-estimate"),
        schema::<ActionReport>("feed-actions"),
        schema::<ViewersReport>("feed-viewers"),
        schema::<DataReport>("feed-data"),
    ];
    for (name, text) in schemas {
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "data/mqtt/schemas/{name}.json is stale; write it anew: ./dev exec env {WRITE}=1 cargo test --lib the_schemas_are"
        );
    }
}
