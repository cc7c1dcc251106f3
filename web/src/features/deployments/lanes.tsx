import type { Colour, Deployment, Platform, PlatformInstance } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { differenceOf, releaseName } from './deployments';

type Lane = Deployment['lanes'][number];

/** Blue and green of each role: what leads, what follows, and whether both compute the same. */
export function Lanes({ deployment, platform }: { deployment: Deployment; platform: Platform }) {
  return (
    <div class="lanes" data-testid="lanes">
      {deployment.lanes.map((lane) => {
        const instances = platform.roles.find(({ role }) => role === lane.role)?.instances ?? [];
        const sides: Colour[] = lane.from_colour === 'blue' ? ['blue', 'green'] : ['green', 'blue'];
        return (
          <section key={lane.role} class="lane" aria-label={lane.role}>
            <h4>{lane.role}<SwitchWords lane={lane} isOver={deployment.outcome !== 'running'} /></h4>
            <div class="sides">
              {sides.map((colour) => (
                <Side
                  key={colour} colour={colour} instance={instances.find((each) => each.colour === colour) ?? null}
                  release={colour === lane.from_colour ? lane.from_release : lane.to_release}
                  part={colour === lane.from_colour ? 'before' : 'new'}
                />
              ))}
            </div>
          </section>
        );
      })}
    </div>
  );
}

function SwitchWords({ lane, isOver }: { lane: Lane; isOver: boolean }) {
  if (lane.switches.length === 0) return <span class="lane-note">{isOver ? 'was not switched' : 'not switched yet'}{lane.from_epoch === '0' ? '' : `, epoch ${lane.from_epoch}`}</span>;
  const last = lane.switches[lane.switches.length - 1]!;
  return <span class="lane-note">{last.back ? 'switched back' : 'switched'}: nobody led for {fmt.duration(last.hold_ms)}, {fmt.duration(last.whole_ms)} from order to open</span>;
}

const MODES: Record<string, string> = { leading: 'leads', following: 'follows', closing: 'closes', closed: 'closed', opening: 'opens', none: 'runs', unknown: 'does not tell' };

interface SideProps { colour: Colour; instance: PlatformInstance | null; release: string; part: 'before' | 'new' }

function Side({ colour, instance, release, part }: SideProps) {
  if (instance === null) {
    return (
      <div class="side side-empty" data-colour={colour}>
        <div class="side-head"><ColourMark colour={colour} /><span>{part}</span><strong>not running</strong></div>
        <p class="note">{releaseName(release)}</p>
      </div>
    );
  }
  const mode = !instance.running ? 'ended' : !instance.ready ? 'starts' : MODES[instance.mode] ?? instance.mode;
  return (
    <div class="side" data-colour={colour} data-mode={instance.mode} data-bad={!instance.running || instance.differs_at !== null}>
      <div class="side-head"><ColourMark colour={colour} /><span>{part}</span><strong>{mode}</strong></div>
      <dl class="facts">
        <div><dt>Release</dt><dd title={instance.commit}>{releaseName(instance.release)}</dd></div>
        <div><dt>Version</dt><dd>{instance.version || fmt.NONE}</dd></div>
        <div><dt>Epoch</dt><dd>{instance.epoch === '0' ? fmt.NONE : instance.epoch}</dd></div>
        <div><dt>State</dt><dd><HashWords instance={instance} /></dd></div>
      </dl>
      {instance.difference !== '' && <p class="side-difference">{differenceOf(instance.difference)?.where ?? instance.difference}</p>}
      {instance.failure !== '' && <p class="side-difference">{instance.failure}</p>}
    </div>
  );
}

/** What is known of the two sides' states: equal so far, different from a record on, or behind. */
function HashWords({ instance }: { instance: PlatformInstance }) {
  if (instance.differs_at !== null) return <span class="bad">differs from record {fmt.exact(instance.differs_at)} on</span>;
  if (instance.mode === 'following') {
    const lag = instance.lag_records === 0 ? '' : `, ${fmt.count(instance.lag_records)} behind`;
    return <span class={instance.compared > 0 ? 'good' : undefined}>{fmt.count(instance.compared)} equal{lag}</span>;
  }
  return <span title={instance.state_hash}>{/^0*$/.test(instance.state_hash) ? fmt.NONE : `hash ${instance.state_hash.slice(0, 8)}`}</span>;
}

function ColourMark({ colour }: { colour: Colour }) {
  return <span class="colour-mark" data-colour={colour}>{colour}</span>;
}

/** What runs while nothing is deployed. */
export function RolesNow({ platform }: { platform: Platform }) {
  const roles = platform.roles.filter(({ switches }) => switches);
  return (
    <div class="lanes" data-testid="roles-now">
      {roles.map(({ role, instances }) => (
        <section key={role} class="lane" aria-label={role}>
          <h4>{role}</h4>
          <div class="sides">{instances.map((each) => <Side key={each.name} colour={each.colour} instance={each} release={each.release} part="before" />)}</div>
        </section>
      ))}
    </div>
  );
}
