#pragma once

#include "cli/command.h"

// One function per command, each in the file named after it.
namespace stoa::cli {

[[nodiscard]] Command order_place();
[[nodiscard]] Command order_cancel();
[[nodiscard]] Command order_replace();
[[nodiscard]] Command order_list();
[[nodiscard]] Command order_show();
[[nodiscard]] Command position_list();
[[nodiscard]] Command fill_list();
[[nodiscard]] Command book_show();

[[nodiscard]] Command up();
[[nodiscard]] Command down();
[[nodiscard]] Command restart();
[[nodiscard]] Command run_engine();
[[nodiscard]] Command run_relay();
[[nodiscard]] Command run_venue();
[[nodiscard]] Command run_market_data();
[[nodiscard]] Command run_risk();
[[nodiscard]] Command run_execution();
[[nodiscard]] Command run_strategy();
[[nodiscard]] Command run_gateway();
[[nodiscard]] Command run_hub();
[[nodiscard]] Command run_supervisor();
[[nodiscard]] Command load();
[[nodiscard]] Command strategy_list();
[[nodiscard]] Command strategy_start();
[[nodiscard]] Command strategy_stop();
[[nodiscard]] Command strategy_set();
[[nodiscard]] Command risk_show();
[[nodiscard]] Command risk_kill();
[[nodiscard]] Command risk_resume();
[[nodiscard]] Command risk_set();
[[nodiscard]] Command journal_checkpoint();

[[nodiscard]] Command status();
[[nodiscard]] Command ps();
[[nodiscard]] Command health();
[[nodiscard]] Command validate();
[[nodiscard]] Command logs();
[[nodiscard]] Command report_daily();
[[nodiscard]] Command maintenance_archive();
[[nodiscard]] Command maintenance_clean();
[[nodiscard]] Command journal_ls();
[[nodiscard]] Command journal_dump();
[[nodiscard]] Command journal_verify();
[[nodiscard]] Command journal_repair();
[[nodiscard]] Command journal_cut();
[[nodiscard]] Command journal_stats();
[[nodiscard]] Command journal_bench();
[[nodiscard]] Command journal_backup();
[[nodiscard]] Command journal_backup_verify();
[[nodiscard]] Command journal_restore();
[[nodiscard]] Command replay_verify();
[[nodiscard]] Command config_show();
[[nodiscard]] Command config_check();
[[nodiscard]] Command config_explain();
[[nodiscard]] Command config_status();
[[nodiscard]] Command config_space_list();
[[nodiscard]] Command config_space_create();
[[nodiscard]] Command config_space_grant();
[[nodiscard]] Command config_space_protect();
[[nodiscard]] Command config_unit_list();
[[nodiscard]] Command config_unit_show();
[[nodiscard]] Command config_unit_create();
[[nodiscard]] Command config_rev_list();
[[nodiscard]] Command config_rev_show();
[[nodiscard]] Command config_rev_tag();
[[nodiscard]] Command config_set();
[[nodiscard]] Command config_diff();
[[nodiscard]] Command config_promote();
[[nodiscard]] Command config_approve();
[[nodiscard]] Command config_apply();
[[nodiscard]] Command config_rollback();
[[nodiscard]] Command config_restore();
[[nodiscard]] Command config_drift();
[[nodiscard]] Command config_audit();
[[nodiscard]] Command config_audit_verify();
[[nodiscard]] Command config_export();
[[nodiscard]] Command config_import();
[[nodiscard]] Command discovery_list();
[[nodiscard]] Command discovery_resolve();
[[nodiscard]] Command doctor();
[[nodiscard]] Command deploy_plan();
[[nodiscard]] Command deploy_start();
[[nodiscard]] Command deploy_status();
[[nodiscard]] Command deploy_resume();
[[nodiscard]] Command deploy_pause();
[[nodiscard]] Command deploy_promote();
[[nodiscard]] Command deploy_approve();
[[nodiscard]] Command deploy_abort();
[[nodiscard]] Command deploy_rollback();
[[nodiscard]] Command deploy_history();
[[nodiscard]] Command release_add();
[[nodiscard]] Command release_list();
[[nodiscard]] Command release_verify();
[[nodiscard]] Command release_remove();

[[nodiscard]] Command version();
[[nodiscard]] Command completion();

}  // namespace stoa::cli
