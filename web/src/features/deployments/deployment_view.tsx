import type { Deployment, DeploymentStep, Platform, Soak } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { countdown, differenceOf, figureText, hubNowMs, tookText } from './deployments';
import { Lanes } from './lanes';

/** One deployment: what it is, where it stands, what it waits for, how each side is. */
export function DeploymentView({ deployment, platform }: { deployment: Deployment; platform: Platform }) {
  return (
    <article class="deployment" data-testid="deployment" data-id={deployment.id} data-outcome={deployment.outcome} data-step={deployment.step}>
      <Head deployment={deployment} />
      <Word deployment={deployment} />
      <Steps steps={deployment.steps} />
      <Lanes deployment={deployment} platform={platform} />
      {deployment.soak !== null && <SoakTable soak={deployment.soak} />}
    </article>
  );
}

const OUTCOMES: Record<Deployment['outcome'], string> = {
  running: 'under way', committed: 'done', rolled_back: 'rolled back', rollback_failed: 'rollback failed', abandoned: 'abandoned',
};

export function OutcomeBadge({ outcome, paused = false, question = '' }: { outcome: Deployment['outcome']; paused?: boolean; question?: string }) {
  const words = outcome !== 'running' ? OUTCOMES[outcome] : paused ? 'paused' : question !== '' ? 'waits for a person' : OUTCOMES.running;
  return <span class="outcome" data-outcome={outcome} data-waits={outcome === 'running' && (paused || question !== '')}>{words}</span>;
}

function Head({ deployment }: { deployment: Deployment }) {
  const { id, release, version, roles, actor, reason, rolls_back, began_ns, strategy, paused, question, outcome } = deployment;
  return (
    <header class="deployment-head">
      <h3>Deployment {id}: {release === '' ? 'back to the platform’s own program' : `release ${release}`}</h3>
      <OutcomeBadge outcome={outcome} paused={paused} question={question} />
      <dl class="deployment-facts">
        <div><dt>Ordered by</dt><dd>{actor || fmt.NONE}</dd></div>
        <div><dt>Why</dt><dd>{reason || 'no reason was given'}</dd></div>
        <div><dt>Began</dt><dd><time title={fmt.fullTime(began_ns)}>{fmt.fullTime(began_ns).slice(0, 19)} UTC</time></dd></div>
        <div><dt>How</dt><dd>{strategy}, {roles.join(', ')}{version === '' ? '' : `, version ${version}`}{rolls_back === '0' ? '' : `, takes ${rolls_back} back`}</dd></div>
      </dl>
    </header>
  );
}

/** The one thing to know now. */
function Word({ deployment }: { deployment: Deployment }) {
  const { outcome, failure, question, paused, waits_for, driven_by, deadline, going_back, step, hold_max_ms } = deployment;
  const isHeld = waits_for.startsWith('closed');
  const left = deadline === null ? null : countdown(deadline.until_ns, hubNowMs.value);
  return (
    <div class="deployment-word" aria-live="polite">
      {failure !== '' && <Failure text={failure} goesBack={going_back && outcome === 'running'} />}
      {question !== '' && <p class="word word-warn" data-testid="question"><strong>Waits for a person:</strong> {question}</p>}
      {outcome === 'running' && driven_by !== 'hub' && <p class="word word-warn"><strong>{driven_by === '' ? 'Nobody drives it.' : 'Driven elsewhere:'}</strong> {driven_by === '' ? 'Resume takes it up.' : driven_by}</p>}
      {outcome === 'running' && question === '' && (
        <p class="word" data-testid="now">
          <strong>{paused ? `Paused before: ${step}` : step}</strong>
          {waits_for !== '' && ` · ${waits_for}`}
          {isHeld && ` · orders are held; nobody leads for at most ${fmt.duration(hold_max_ms)}, then the build before goes on`}
        </p>
      )}
      {outcome === 'running' && deadline !== null && (
        <p class="word word-clock" data-testid="countdown"><span class="clock-left">{left ?? 'any moment'}</span> {left === null ? '' : 'left: '}{deadline.what}</p>
      )}
    </div>
  );
}

function Failure({ text, goesBack }: { text: string; goesBack: boolean }) {
  const difference = differenceOf(text);
  return (
    <div class="word word-bad" data-testid="failure">
      <strong>{goesBack ? 'Goes back:' : 'Why it went back:'}</strong> {difference === null ? text : difference.where}
      {difference !== null && (
        <dl class="difference">
          <div><dt>recorded</dt><dd><code>{difference.recorded}</code></dd></div>
          <div><dt>derived</dt><dd><code>{difference.derived}</code></dd></div>
        </dl>
      )}
    </div>
  );
}

const MARKS: Record<DeploymentStep['state'], string> = { pending: '○', running: '◔', waiting: '?', done: '✓', failed: '✕', aborted: '■', skipped: '–' };

function Steps({ steps }: { steps: readonly DeploymentStep[] }) {
  const there = steps.filter(({ back }) => !back);
  const back = steps.filter((step) => step.back);
  return (
    <>
      <StepList label="Steps" steps={there} />
      {back.length > 0 && <StepList label="The way back" steps={back} />}
    </>
  );
}

function StepList({ label, steps }: { label: string; steps: readonly DeploymentStep[] }) {
  return (
    <ol class="steps" aria-label={label} data-testid={label === 'Steps' ? 'steps' : 'steps-back'}>
      {steps.map((step) => (
        <li key={step.name} data-state={step.state} aria-current={step.state === 'running' || step.state === 'waiting' ? 'step' : undefined} title={step.detail || undefined}>
          <span class="step-mark" aria-hidden="true">{MARKS[step.state]}</span>
          <span class="step-name">{step.back ? step.name.replace(/^back /, 'back: ') : step.name}</span>
          <span class="step-took">{step.state === 'pending' || step.state === 'skipped' ? step.state : tookText(step, hubNowMs.value) || step.state}</span>
        </li>
      ))}
    </ol>
  );
}

const FIGURES: Record<Soak['figures'][number]['name'], string> = {
  requests: 'Requests', errors: 'Errors, of requests', refusals: 'Refusals, of requests', p99: 'Latency p99', gaps: 'Gaps', equal_outputs: 'Outputs that both sides agree on',
};
const VERDICTS: Record<Soak['verdict'], string> = { good: 'as good as before', bad: 'worse than before', inconclusive: 'too little to say', failed: 'it did not reach its end' };

function SoakTable({ soak }: { soak: Soak }) {
  return (
    <section class="soak" aria-label="Soak" data-testid="soak" data-verdict={soak.verdict}>
      <h4>Soak: {VERDICTS[soak.verdict]}{soak.over ? '' : ' so far'}</h4>
      {soak.findings.length > 0 && <ul class="findings">{soak.findings.map((finding) => <li key={finding}>{finding}</li>)}</ul>}
      {soak.figures.length > 0 && (
        <div class="wide" tabIndex={0}>
          <table class="check-table">
            <thead><tr><th scope="col">Figure</th><th scope="col">Now</th><th scope="col">Before</th><th scope="col">Bound</th><th scope="col">Verdict</th></tr></thead>
            <tbody>
              {soak.figures.map(({ name, unit, now, before, allowed, count, ok }) => (
                <tr key={name} class={ok ? '' : 'failed'}>
                  <th scope="row">{FIGURES[name]}</th>
                  <td>{figureText(unit, now)}{count === null || now === null ? '' : ` (${fmt.count(count)})`}</td>
                  <td>{figureText(unit, before)}</td>
                  <td>{allowed === null ? fmt.NONE : `${name === 'requests' ? '≥' : '≤'} ${figureText(unit, allowed)}`}</td>
                  <td>{now === null ? 'no figure' : ok ? 'good' : name === 'requests' ? 'too few' : 'bad'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
