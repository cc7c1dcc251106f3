import { useSignal } from '@preact/signals';
import type { RiskCheck } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { verdict } from './ticket_state';

/** The engine's risk verdict on the draft, before it is sent: one line, and every check on request. */
export function VerdictView() {
  const isOpen = useSignal(false);
  const state = verdict.value;
  switch (state.status) {
    case 'none':
      return <p class="verdict">Risk: fill in the ticket to see the verdict</p>;
    case 'checking':
      return <p class="verdict">Risk: checking…</p>;
    case 'failed':
      return <p class="verdict warn">Risk: no verdict ({state.detail})</p>;
    case 'known': {
      const { accepted, code, checks } = state.verdict;
      const failed = checks.find((check) => !check.ok);
      return (
        <div class={`verdict ${accepted ? 'good' : 'bad'}`} data-testid="verdict" data-accepted={accepted}>
          <button type="button" class="verdict-line" aria-expanded={isOpen.value} onClick={() => { isOpen.value = !isOpen.value; }}>
            <span>{accepted ? `✓ Risk accepts: ${checks.length} checks pass` : `✕ Risk refuses: ${fmt.words(code ?? failed?.check ?? 'refused')}`}</span>
            <span aria-hidden="true">{isOpen.value ? '▴' : '▾'}</span>
          </button>
          {(isOpen.value || !accepted) && <CheckTable checks={isOpen.value ? checks : checks.filter((check) => !check.ok)} />}
        </div>
      );
    }
  }
}

/** Checks with what was allowed, what this order makes it, and what is left. */
export function CheckTable({ checks }: { checks: readonly RiskCheck[] }) {
  if (checks.length === 0) return null;
  return (
    <table class="check-table">
      <thead><tr><th scope="col">Check</th><th scope="col">Value</th><th scope="col">Limit</th><th scope="col">Headroom</th></tr></thead>
      <tbody>
        {checks.map((check) => (
          <tr key={check.check} class={check.ok ? '' : 'failed'}>
            <th scope="row"><span aria-hidden="true">{check.ok ? '✓' : '✕'}</span> {fmt.words(check.check)}</th>
            <td>{loose(check.value)}</td><td>{loose(check.limit)}</td><td>{loose(check.headroom)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Limits are decimals for most checks and words for some. */
function loose(text: string | null): string {
  return text !== null && /^-?\d+(\.\d+)?$/.test(text) ? fmt.exact(text) : text ?? fmt.NONE;
}
