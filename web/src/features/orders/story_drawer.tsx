import { useSignal, useSignalEffect } from '@preact/signals';
import { call, problemText } from '../../api/http';
import type { OrderStory } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { SideLabel } from '../../ui/amount';
import { Dialog } from '../../ui/dialog';
import { Waiting } from '../../ui/panel';
import { CheckTable } from '../ticket/verdict_view';
import { OrderState, price } from './columns';
import { orders, shownOrderId } from './orders';
import { steps, wholeTime, type Step } from './story';

/** Why an order is what it is: its intent, each risk check, what was sent, what came back, and the time between. */
export function StoryDrawer({ id }: { id: string }) {
  const order = useSignal<OrderStory | null>(null);
  const error = useSignal<string | null>(null);
  useSignalEffect(() => {
    void orders.row(id)?.value.updated_ns; // A live order's story goes on: read it again at each change.
    let isCurrent = true;
    void call('getOrder', { path: { client_order_id: id } }).then((result) => {
      if (!isCurrent) return;
      if (result.kind === 'ok') order.value = result.value;
      error.value = result.kind === 'ok' ? null : result.kind === 'refused' ? problemText(result.problem) : result.detail;
    });
    return () => { isCurrent = false; };
  });
  return (
    <Dialog title="Order story" shape="drawer" onClose={() => { shownOrderId.value = null; }} testId="story">
      {error.value !== null && <p class="field-error">{error.value}</p>}
      {order.value === null ? error.value === null && <Waiting what="the story" /> : <Story order={order.value} />}
    </Dialog>
  );
}

function Story({ order }: { order: OrderStory }) {
  return (
    <>
      <p class="story-headline">
        <SideLabel side={order.side} /> <strong>{fmt.exact(order.quantity)} {order.symbol}</strong> @ {price(order, order.price)} <OrderState order={order} />
      </p>
      {order.reason && <p class="field-error">{order.reason}</p>}
      <dl class="facts facts-grid">
        <Fact name="client_order_id" value={order.client_order_id} />
        <Fact name="cl_ord_id" value={order.cl_ord_id} />
        <Fact name="order_id" value={order.order_id ?? fmt.NONE} />
        <Fact name="Source" value={order.strategy ?? order.source} />
        <Fact name="Type" value={`${order.type} ${order.time_in_force}`} />
        <Fact name="Filled" value={`${fmt.exact(order.filled_quantity)} of ${fmt.exact(order.quantity)}`} />
        <Fact name="Average" value={fmt.exact(order.average_price)} />
        <Fact name="Fees" value={fmt.exact(order.fees)} />
        <Fact name="First to last" value={wholeTime(order) ?? fmt.NONE} />
        <Fact name="lsn" value={order.lsn} />
      </dl>
      <dl class="facts"><Fact name="Created" value={fmt.fullTime(order.created_ns)} /></dl>
      <ol class="timeline">{steps(order).map((step) => <StepView key={step.key} step={step} />)}</ol>
    </>
  );
}

function StepView({ step }: { step: Step }) {
  return (
    <li class={`step step-${step.tone}`}>
      <div class="step-head">
        <strong>{step.title}</strong>
        <span class="step-gap">{step.sincePrevious}</span>
        <time title={fmt.fullTime(step.tsNs)}>{fmt.timeOf(step.tsNs)}</time>
        <span class="lsn">lsn {step.lsn}</span>
      </div>
      <Facts facts={step.facts} />
      <CheckTable checks={step.checks} />
      {step.rest.length > 0 && <details class="step-rest"><summary>all fields</summary><Facts facts={step.rest} /></details>}
    </li>
  );
}

function Facts({ facts }: { facts: Step['facts'] }) {
  if (facts.length === 0) return null;
  return <dl class="step-facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Fact({ name, value }: { name: string; value: string }) {
  return <div><dt>{name}</dt><dd>{value}</dd></div>;
}
