import type { ComponentChildren } from 'preact';
import type { Status } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { Waiting } from '../../ui/panel';
import { connectionAgeMs, connectionState, stream } from '../connection/connection';
import { health, logLag } from './health';

/** Feed, log, engine and our own link: enough to say which part is at fault. */
export function HealthPanel() {
  const status = health.value;
  if (status === null) return <Waiting what="health" />;
  return (
    <div class="health" tabIndex={0} role="region" aria-label="Health details">
      <FeedTable status={status} />
      <div class="health-groups">
        <LogFacts log={status.log} />
        <Group title="Engine">
          <Fact name="Version" value={`${status.version} ${status.commit.slice(0, 10)}`} />
          <Fact name="Market" value={`${status.market_source}, seed ${status.seed}`} />
          <Fact name="Uptime" value={fmt.duration(status.uptime_s * 1000)} />
          <Fact name="Last loop" value={`${fmt.elapsed(status.engine.last_loop_ns, status.now_ns)} ago · ${fmt.count(status.engine.loops)} loops`} />
          <Fact name="State hash" value={status.state_hash} />
          <Fact name="Gateway" value={`${status.gateway.clients} clients · ${fmt.count(status.gateway.requests)} requests`} />
        </Group>
        <LinkFacts />
      </div>
    </div>
  );
}

function FeedTable({ status }: { status: Status }) {
  return (
    <table class="check-table" aria-label="Market data feeds">
      <thead><tr><th scope="col">Feed</th><th scope="col">State</th><th scope="col">Age</th><th scope="col">Messages</th><th scope="col">Gaps</th></tr></thead>
      <tbody>
        {status.feed.map((feed) => (
          <tr key={feed.symbol} class={feed.state === 'live' ? '' : 'failed'}>
            <th scope="row">{feed.symbol}</th><td>{feed.state}</td><td>{fmt.duration(feed.age_ms)}</td><td>{fmt.count(feed.messages)}</td><td>{fmt.count(feed.gaps)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LogFacts({ log }: { log: Status['log'] }) {
  return (
    <Group title="Log">
      <Fact name="State" value={log.failed ? 'failed: nothing is accepted' : 'durable'} tone={log.failed ? 'bad' : 'good'} />
      <Fact name="Durable lsn" value={fmt.exact(log.durable_lsn)} />
      <Fact name="Not yet durable" value={`${fmt.exact(String(logLag(log)))} records`} />
      <Fact name="Sync p50 / p99" value={`${fmt.duration(log.sync_p50_us / 1000)} / ${fmt.duration(log.sync_p99_us / 1000)}`} />
      <Fact name="On disk" value={`${fmt.bytes(log.bytes)} in ${fmt.count(log.segments)} segments`} />
    </Group>
  );
}

function LinkFacts() {
  const roundTrip = stream.roundTripMs.value;
  return (
    <Group title="This page">
      <Fact name="Link" value={connectionState.value} tone={connectionState.value === 'live' ? 'good' : 'bad'} />
      <Fact name="Last frame" value={connectionAgeMs.value === null ? fmt.NONE : `${fmt.duration(connectionAgeMs.value)} ago`} />
      <Fact name="Round trip" value={roundTrip === null ? fmt.NONE : fmt.duration(Math.max(1, roundTrip))} />
      <Fact name="Clock offset" value={`${fmt.signed(String(Math.round(stream.clockOffsetMs.value)), 0)} ms`} />
      <Fact name="Gaps / reconnects" value={`${stream.gaps.value} / ${stream.reconnects.value}`} />
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return <div><h3 class="sub-head">{title}</h3><dl class="facts">{children}</dl></div>;
}

function Fact({ name, value, tone }: { name: string; value: string; tone?: 'good' | 'bad' }) {
  return <div><dt>{name}</dt><dd class={tone} title={value}>{value}</dd></div>;
}
