import { signal } from '@preact/signals';
import { call } from '../../api/http';
import type { AuditRecord, AuditVerification, ConfigAudit } from '../../api/types';
import { Poll } from '../../lib/poll';

const EVERY_MS = 5_000;
const VERIFY_EVERY_MS = 60_000;

export interface AuditFilter { space: string; user: string; text: string }

export const filter = signal<AuditFilter>({ space: '', user: '', text: '' });
export const audit = new Poll<ConfigAudit>(
  () => call('listAudit', { query: { limit: 200, ...asked('space'), ...asked('user') } }),
  () => EVERY_MS,
);
/** Reads the whole log at the hub: seldom, and when somebody asks. */
export const verification = new Poll<AuditVerification>(() => call('verifyAudit', {}), () => VERIFY_EVERY_MS);

const NAME = /^[A-Za-z0-9._@:-]{1,64}$/;

function asked(name: 'space' | 'user'): Record<string, string> {
  const value = filter.peek()[name].trim();
  return NAME.test(value) ? { [name]: value } : {};
}

/** What a record is about: `limits.max_order_rate -> 5:ab12cd34`. */
export function aboutText({ object, value, revision, hash }: AuditRecord): string {
  const what = value === '' ? object : object === '' ? value : `${object}: ${value}`;
  if (revision === 0) return what;
  return `${what}${what === '' ? '' : ' → '}${revision}:${hash.slice(0, 8)}`;
}

/** Newest first; every word of the text has to stand somewhere in the record. */
export function matching(records: readonly AuditRecord[], { space, user, text }: AuditFilter): AuditRecord[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return [...records].reverse().filter((record) => {
    if (space.trim() !== '' && record.space !== space.trim()) return false;
    if (user.trim() !== '' && record.user !== user.trim()) return false;
    const all = `${record.user} ${record.space} ${record.verb} ${aboutText(record)} ${record.reason}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
