import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Instrument } from '../../api/types';
import { Dialog } from '../../ui/dialog';
import { Empty } from '../../ui/panel';
import { instruments, selectSymbol, symbol } from './instruments';

export const isSearchOpen = signal(false);

/** Instruments whose symbol, base or quote contain the text; those that start with it first. */
export function matching(list: readonly Instrument[], text: string): Instrument[] {
  const wanted = text.trim().toUpperCase();
  const hits = list.filter((each) => each.symbol.toUpperCase().includes(wanted) || each.base.toUpperCase().includes(wanted));
  return hits.sort((a, b) => Number(b.symbol.startsWith(wanted)) - Number(a.symbol.startsWith(wanted)));
}

export function SymbolSearch() {
  const text = useSignal('');
  const at = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  const found = matching(instruments.value, text.value);
  const close = () => { isSearchOpen.value = false; };
  const choose = (name: string | undefined) => {
    if (name === undefined) return;
    selectSymbol(name);
    close();
  };
  useEffect(() => input.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    const offset = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (offset !== undefined) at.value = Math.max(0, Math.min(found.length - 1, at.value + offset));
    else if (event.key === 'Enter') choose(found[at.value]?.symbol);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Switch symbol" onClose={close} testId="symbol-search">
      <input
        ref={input} class="text-input" type="text" value={text.value} placeholder="BTC, ETHUSDT, …" aria-label="Symbol"
        role="combobox" aria-expanded="true" aria-controls="symbol-list" aria-activedescendant={found[at.value] ? `symbol-${found[at.value]!.symbol}` : undefined}
        onInput={(event) => { text.value = event.currentTarget.value; at.value = 0; }} onKeyDown={onKeyDown}
      />
      {found.length === 0 && <Empty title="No such symbol" hint="The engine trades the ones that its environment lists." />}
      <ul class="option-list" id="symbol-list" role="listbox" aria-label="Symbols">
        {found.map((each, index) => (
          <li
            key={each.symbol} id={`symbol-${each.symbol}`} role="option" aria-selected={index === at.value}
            data-current={each.symbol === symbol.value} onClick={() => choose(each.symbol)}
          >
            <strong>{each.symbol}</strong><span>{each.base} / {each.quote}</span><span>{each.venue}</span><span>{each.status}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
