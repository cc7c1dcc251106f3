import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export interface Tab<Name extends string> {
  name: Name;
  title: string;
  count?: number;
}

export interface TabsProps<Name extends string> {
  label: string;
  tabs: readonly Tab<Name>[];
  selected: Name;
  onSelect: (name: Name) => void;
  tools?: ComponentChildren;
  children: ComponentChildren;
}

/** A tab list with the usual keys: arrows move and select, Tab goes on into the panel. */
export function Tabs<Name extends string>({ label, tabs, selected, onSelect, tools, children }: TabsProps<Name>) {
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const offset = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (offset === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex(({ name }) => name === selected);
    const next = tabs[(at + offset + tabs.length) % tabs.length]!;
    onSelect(next.name);
    document.getElementById(`${id}-${next.name}`)?.focus();
  };
  return (
    <>
      <div class="panel-head">
        <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
          {tabs.map(({ name, title, count }) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`${id}-${name}`}
              aria-selected={name === selected}
              aria-controls={`${id}-panel`}
              tabIndex={name === selected ? 0 : -1}
              data-testid={`tab-${name}`}
              onClick={() => onSelect(name)}
            >
              {title}
              {count !== undefined && <span class="count">{count}</span>}
            </button>
          ))}
        </div>
        <div class="panel-tools">{tools}</div>
      </div>
      <div class="panel-body" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`}>{children}</div>
    </>
  );
}
