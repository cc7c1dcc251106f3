#include "cli/commands.h"

#include <vector>

#include "cli/command.h"

namespace stoa::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands{
      order_place(),
      order_cancel(),
      order_replace(),
      order_list(),
      order_show(),
      position_list(),
      fill_list(),
      book_show(),
      up(),
      down(),
      restart(),
      run_engine(),
      run_relay(),
      run_venue(),
      run_market_data(),
      run_risk(),
      run_execution(),
      run_strategy(),
      run_gateway(),
      run_supervisor(),
      load(),
      strategy_list(),
      strategy_start(),
      strategy_stop(),
      strategy_set(),
      risk_show(),
      risk_kill(),
      risk_resume(),
      risk_set(),
      journal_checkpoint(),
      status(),
      ps(),
      health(),
      validate(),
      logs(),
      report_daily(),
      journal_ls(),
      journal_dump(),
      journal_verify(),
      journal_repair(),
      journal_cut(),
      journal_stats(),
      journal_bench(),
      journal_backup(),
      journal_backup_verify(),
      journal_restore(),
      replay_verify(),
      config_show(),
      config_check(),
      config_explain(),
      discovery_list(),
      discovery_resolve(),
      doctor(),
      maintenance_archive(),
      maintenance_clean(),
      version(),
      completion(),
  };
  return kCommands;
}

}  // namespace stoa::cli
