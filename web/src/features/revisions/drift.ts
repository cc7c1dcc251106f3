import { call } from '../../api/http';
import type { ConfigDrift } from '../../api/types';
import { Poll } from '../../lib/poll';
import { space, spaces } from './revisions';

const EVERY_MS = 3_000;

/** Of the space that is looked at; asks for the spaces first where nobody has. */
export const drift = new Poll<ConfigDrift>(async () => {
  if (space.peek() === null) await spaces.refresh();
  const known = spaces.state.peek();
  if (space.peek() === null && known.problem !== null) return { kind: 'refused', problem: known.problem };
  return call('getDrift', { query: { space: space.peek() ?? 'base' } });
}, () => EVERY_MS);
