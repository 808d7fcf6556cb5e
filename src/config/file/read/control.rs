//! `[control]`, and how a feed takes part: how bitrate is shared out among the feeds.

use super::super::fields::Fields;
use crate::config::{BudgetKind, ControlConfig, Importance, ImportanceError, ShareConfig};
use crate::i18n::gettext;

const BUDGET: &str = "budget";
const BUDGET_KBPS: &str = "budget_kbps";
const AGGREGATION_TIMEOUT: &str = "aggregation_timeout";

pub(super) fn read_control(top: &Fields<'_>) -> ControlConfig {
    let default = ControlConfig::default();
    let Some(item) = top.table.get("control") else {
        return default;
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("control", gettext("write it as [control], with its keys below"));
        return default;
    };
    let fields = Fields { table, line: top.line_of("control"), notes: top.notes };
    fields.refuse_others(&[BUDGET, BUDGET_KBPS, AGGREGATION_TIMEOUT]);
    let budget = fields.parsed::<BudgetKind>(BUDGET);
    if budget == Some(BudgetKind::Fixed) && !fields.has(BUDGET_KBPS) {
        fields.refuse(BUDGET, gettext("say how much it is: write budget_kbps = 6000, for 6 Mbit/s"));
    }
    let number = |key, range, default| fields.number(key, range).unwrap_or(default);
    ControlConfig {
        budget: budget.unwrap_or_default(),
        budget_kbps: number(BUDGET_KBPS, &ControlConfig::BUDGET_KBPS, default.budget_kbps),
        aggregation_timeout: number(
            AGGREGATION_TIMEOUT,
            &ControlConfig::AGGREGATION_TIMEOUT,
            default.aggregation_timeout,
        ),
    }
}

pub(super) fn read_share(fields: &Fields<'_>) -> ShareConfig {
    ShareConfig {
        importance: read_importance(fields, "importance").unwrap_or_default(),
        focus_importance: read_importance(fields, "focus_importance"),
        is_independent: fields.flag("independent").unwrap_or_default(),
    }
}

fn read_importance(fields: &Fields<'_>, key: &str) -> Option<Importance> {
    let item = fields.table.get(key)?;
    let number = item.as_float().or_else(|| item.as_integer().map(|whole| whole as f64));
    let importance = number.ok_or(ImportanceError).and_then(Importance::try_from);
    importance.map_err(|error| fields.refuse(key, error)).ok()
}
