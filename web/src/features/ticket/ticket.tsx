import { useId } from 'preact/hooks';
import type { TimeInForce } from '../../api/types';
import { decimalText, fixedText } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Panel, Waiting } from '../../ui/panel';
import { commandState } from '../commands/command';
import { instrument } from '../market/instruments';
import { bestAsk, bestBid, lastTrade } from '../market/market';
import { positions } from '../positions/positions';
import { quantityFor, stepped, type Field } from './draft';
import { draft, edit, fee, sizingPrice, submit, submitReason, validation, worth } from './ticket_state';
import { VerdictView } from './verdict_view';

const TIMES_IN_FORCE: Record<TimeInForce, string> = {
  GTC: 'Good till cancelled',
  IOC: 'Immediate or cancel',
  FOK: 'Fill all or kill',
  GTX: 'Post-only, good till cancelled',
};
const SIZES = ['100', '1000', '5000', '10000'];

export function Ticket() {
  return (
    <Panel name="ticket" title="Order ticket" tools={<kbd title="Prefill buy or sell">⇧B ⇧S</kbd>}>
      {instrument.value === null ? <Waiting what="instruments" /> : <Form />}
    </Panel>
  );
}

function Form() {
  return (
    <form
      class="ticket" aria-label="Order ticket" data-testid="ticket" data-side={draft.value.side} autoComplete="off"
      onSubmit={(event) => { event.preventDefault(); void submit(); }}
    >
      <SideChoice />
      <div class="ticket-pair">
        <div class="segments" role="group" aria-label="Order type">
          {(['limit', 'market'] as const).map((type) => (
            <button key={type} type="button" aria-pressed={draft.value.type === type} onClick={() => edit({ type })}>{fmt.words(type)}</button>
          ))}
        </div>
        <TimeInForceChoice />
      </div>
      {draft.value.type === 'limit' && <PriceField />}
      <QuantityField />
      <Summary />
      <VerdictView />
      <SubmitButton />
    </form>
  );
}

function SideChoice() {
  const digits = instrument.value!.price_decimals;
  const side = draft.value.side;
  return (
    <div class="side-choice" role="group" aria-label="Side">
      <button type="button" class="buy" aria-pressed={side === 'buy'} data-testid="side-buy" onClick={() => edit({ side: 'buy' })}>
        <strong>Buy</strong><span>ask {fmt.number(bestAsk.value?.priceText, digits)}</span>
      </button>
      <button type="button" class="sell" aria-pressed={side === 'sell'} data-testid="side-sell" onClick={() => edit({ side: 'sell' })}>
        <strong>Sell</strong><span>bid {fmt.number(bestBid.value?.priceText, digits)}</span>
      </button>
    </div>
  );
}

function TimeInForceChoice() {
  const isMarket = draft.value.type === 'market';
  return (
    <label class="inline-field grow">
      <span class="visually-hidden">Time in force</span>
      <select
        value={isMarket ? 'IOC' : draft.value.timeInForce} disabled={isMarket} data-testid="time-in-force"
        title={isMarket ? 'A market order cannot rest' : TIMES_IN_FORCE[draft.value.timeInForce]}
        onChange={(event) => edit({ timeInForce: event.currentTarget.value as TimeInForce })}
      >
        {Object.entries(TIMES_IN_FORCE).map(([value, meaning]) => <option key={value} value={value} title={meaning}>{value}</option>)}
      </select>
    </label>
  );
}

function PriceField() {
  const { tick_size, quote } = instrument.value!;
  const sources = [['Bid', bestBid.value?.priceText], ['Ask', bestAsk.value?.priceText], ['Last', lastTrade.value?.price]] as const;
  return (
    <NumberField field="price" label="Price" unit={quote} step={tick_size} placeholder={bestBid.value?.priceText ?? ''}>
      {sources.map(([name, price]) => (
        <button key={name} type="button" class="chip" disabled={price === undefined} onClick={() => price !== undefined && edit({ price })}>{name}</button>
      ))}
    </NumberField>
  );
}

function QuantityField() {
  const { lot_size, base, quote, symbol } = instrument.value!;
  const price = sizingPrice.value;
  const held = positions.all().find((each) => each.symbol === symbol)?.quantity ?? '0';
  const closing = held.replace('-', '');
  return (
    <NumberField field="quantity" label="Quantity" unit={base} step={lot_size} placeholder={`lots of ${lot_size}`}>
      {SIZES.map((size) => (
        <button
          key={size} type="button" class="chip" disabled={price === null} title={`Worth ${fmt.exact(size)} ${quote}`}
          onClick={() => price !== null && edit({ quantity: quantityFor(size, price, instrument.value!) })}
        >
          {size.endsWith('000') ? `${size.slice(0, -3)}k` : size}
        </button>
      ))}
      <button
        type="button" class="chip" disabled={/^0*\.?0*$/.test(closing)} title="Size and side that close the position"
        onClick={() => edit({ quantity: closing, side: held.startsWith('-') ? 'buy' : 'sell' })}
      >
        Close
      </button>
    </NumberField>
  );
}

interface NumberFieldProps {
  field: Field;
  label: string;
  unit: string;
  step: string;
  placeholder: string;
  children: preact.ComponentChildren;
}

/** A decimal input with one-step buttons; arrow keys step too, with Shift by ten. */
function NumberField({ field, label, unit, step, placeholder, children }: NumberFieldProps) {
  const id = useId();
  const error = validation.value.errors[field];
  const move = (steps: number) => edit({ [field]: stepped(draft.peek()[field] || (field === 'price' ? placeholder : ''), step, steps) });
  const onKeyDown = (event: KeyboardEvent) => {
    const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (sign === undefined) return;
    event.preventDefault();
    move(event.shiftKey ? sign * 10 : sign);
  };
  return (
    <div class="number-field" data-invalid={Boolean(error)}>
      <label for={id}>{label} <span class="unit">{unit}</span></label>
      <div class="number-input">
        <button type="button" tabIndex={-1} aria-label={`${label} one step down`} onClick={() => move(-1)}>−</button>
        <input
          id={id} type="text" inputMode="decimal" value={draft.value[field]} placeholder={placeholder} data-testid={`ticket-${field}`}
          aria-invalid={Boolean(error)} aria-describedby={error ? `${id}-error` : undefined} onKeyDown={onKeyDown}
          onInput={(event) => edit({ [field]: event.currentTarget.value })}
        />
        <button type="button" tabIndex={-1} aria-label={`${label} one step up`} onClick={() => move(1)}>+</button>
      </div>
      <div class="chips">{children}</div>
      {error && <p class="field-error" id={`${id}-error`}>{error}</p>}
    </div>
  );
}

function Summary() {
  const known = worth.value;
  const { quote, price_decimals } = instrument.value!;
  return (
    <dl class="facts">
      <div><dt>Notional</dt><dd data-testid="ticket-notional">{known ? `${fmt.number(decimalText(known.notional), 2)} ${quote}` : fmt.NONE}</dd></div>
      <div><dt>Fee, estimate</dt><dd>{fee.value === null ? fmt.NONE : `${fmt.number(fee.value, 4)} ${quote}`}</dd></div>
      {draft.value.type === 'market' && (
        <div>
          <dt>Average price</dt>
          <dd>{known?.averagePrice ? fmt.number(fixedText(known.averagePrice, 8), price_decimals) : fmt.NONE}{known?.isPartial && ' (book too thin)'}</dd>
        </div>
      )}
    </dl>
  );
}

function SubmitButton() {
  const { side, type } = draft.value;
  const order = validation.value.order;
  const { base, price_decimals } = instrument.value!;
  const what = order ? `${fmt.words(side)} ${fmt.exact(order.quantity)} ${base}` : fmt.words(side);
  const at = type === 'market' ? 'at market' : order ? `@ ${fmt.number(order.price, price_decimals)}` : '';
  const reason = submitReason.value;
  return (
    <>
      <ActionButton type="submit" tone={side} reason={reason} state={commandState('place').value} onPress={() => {}} testId="ticket-submit">
        {what} {at}
      </ActionButton>
      <p class="ticket-reason" data-testid="ticket-reason">{reason ?? ' '}</p>
    </>
  );
}
