import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import * as fmt from '../lib/fmt';

export interface PanelProps {
  name: string;
  title: string;
  tools?: ComponentChildren;
  /** Data that is older than it should be: greyed, with its age. */
  staleMs?: number | null;
  children: ComponentChildren;
}

export function Panel({ name, title, tools, staleMs = null, children }: PanelProps) {
  const headingId = useId();
  return (
    <section class={`panel panel-${name}`} id={name} aria-labelledby={headingId} data-stale={staleMs !== null} tabIndex={-1}>
      <header class="panel-head">
        <h2 id={headingId}>{title}</h2>
        {staleMs !== null && <StaleBadge ageMs={staleMs} />}
        <div class="panel-tools">{tools}</div>
      </header>
      <div class="panel-body">{children}</div>
    </section>
  );
}

export function StaleBadge({ ageMs }: { ageMs: number }) {
  return <span class="stale-badge">stale {fmt.duration(ageMs)}</span>;
}

/** Nothing for 300 ms, then a word: a wait that short should not flicker. */
export function Waiting({ what }: { what: string }) {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return <div class="placeholder" role="status">{isLong && <><span class="spinner" aria-hidden="true" />Waiting for {what}</>}</div>;
}

/** An empty list says what would fill it. */
export function Empty({ title, hint }: { title: string; hint: ComponentChildren }) {
  return (
    <div class="placeholder">
      <strong>{title}</strong>
      <span>{hint}</span>
    </div>
  );
}
