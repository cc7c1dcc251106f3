import { useSignal } from '@preact/signals';
import type { RiskLimit } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Panel, Waiting } from '../../ui/panel';
import { linkStaleMs } from '../health/feed_age';
import { LimitsDialog } from './limits_dialog';
import { isUnlimited, limitUse, NEAR_PERCENT, risk } from './risk';

export function RiskPanel() {
  const isEditing = useSignal(false);
  const tools = risk.value && <ActionButton tone="quiet" testId="edit-limits" onPress={() => { isEditing.value = true; }}>Change limits</ActionButton>;
  return (
    <Panel name="risk" title="Risk" staleMs={linkStaleMs.value} tools={tools}>
      {risk.value === null ? <Waiting what="limits" /> : (
        <div class="risk" tabIndex={0} role="region" aria-label="Limits and refusals">
          <ul class="limits">{risk.value.limits.map((limit) => <LimitBar key={limit.name} limit={limit} />)}</ul>
          <Rejects counts={risk.value.rejects} />
        </div>
      )}
      {isEditing.value && <LimitsDialog onClose={() => { isEditing.value = false; }} />}
    </Panel>
  );
}

/** Used against the limit, with a mark where it starts to matter. Limits of a single order have no bar. */
function LimitBar({ limit }: { limit: RiskLimit }) {
  const { percent, level } = limitUse(limit);
  const name = fmt.words(limit.name.replace(/^max_/, ''));
  const words = { ok: '', near: ` · near`, breach: ' · at the limit' }[level];
  return (
    <li class={`limit limit-${level}`}>
      <span class="limit-name">{name}</span>
      <span class="limit-value" title={`${fmt.exact(limit.used)} of ${fmt.exact(limit.limit)} ${limit.unit}`}>
        {limit.used !== null && <>{fmt.compact(limit.used)} / </>}
        {isUnlimited(limit) ? 'no limit' : <>{fmt.compact(limit.limit)} <span class="unit">{limit.unit}</span></>}
        {percent !== null && <span class="limit-percent">{percent} %{words}</span>}
      </span>
      {percent !== null && (
        <span class="limit-bar" role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.min(100, percent)} aria-valuetext={`${percent} % used${words}`}>
          <span class="limit-used" style={{ transform: `scaleX(${Math.min(100, percent) / 100})` }} />
          <span class="limit-mark" style={{ left: `${NEAR_PERCENT}%` }} />
        </span>
      )}
    </li>
  );
}

function Rejects({ counts }: { counts: Record<string, number> }) {
  const entries = Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return <p class="note">No refusals since the start.</p>;
  return (
    <>
      <h3 class="sub-head">Refused since the start</h3>
      <ul class="rejects">{entries.map(([code, count]) => <li key={code}>{fmt.words(code)} <strong>{fmt.count(count)}</strong></li>)}</ul>
    </>
  );
}
