import { useEffect } from 'preact/hooks';
import { hashOf, goTo, route, type Page } from '../../lib/route';
import { Age, Asked, staleMsOf } from '../../ui/asked';
import { Empty } from '../../ui/panel';
import { Tabs, type Tab } from '../../ui/tabs';
import { audit } from '../revisions/audit';
import { AuditView } from '../revisions/audit_view';
import { drift } from '../revisions/drift';
import { DriftView } from '../revisions/drift_view';
import { RevisionsView } from '../revisions/revisions_view';
import { spaces } from '../revisions/revisions';
import { ActButtons } from './act_buttons';
import { DeploymentView } from './deployment_view';
import { history, shown } from './deployments';
import { HistoryView } from './history_view';
import { RolesNow } from './lanes';

type View = Exclude<Page, 'trade'>;

const TABS: readonly Tab<View>[] = [
  { name: 'deployments', title: 'Deployments' },
  { name: 'revisions', title: 'Revisions' },
  { name: 'drift', title: 'Drift' },
  { name: 'audit', title: 'Audit' },
];

const POLLS = { deployments: shown, revisions: spaces, drift, audit } as const;

/** Which build runs, which is on its way, and which configuration both have. */
export function DeploymentsPage() {
  const { page } = route.value;
  const selected: View = page === 'trade' ? 'deployments' : page;
  const poll = POLLS[selected];
  const polled = poll.state.value;
  useEffect(() => poll.start(), [poll]);
  return (
    <main class="operate">
      <h2 class="visually-hidden">Deployments and configuration</h2>
      <section class="panel panel-operate" id="operate" aria-label="Deployments and configuration" data-stale={staleMsOf(polled) !== null} tabIndex={-1}>
        <Tabs label="Deployments and configuration" tabs={TABS} selected={selected} onSelect={(name) => goTo(name)} tools={<Age polled={polled} />}>
          <div class="operate-scroll" tabIndex={0} role="region" aria-label={TABS.find(({ name }) => name === selected)!.title}>
            {selected === 'deployments' && <Deployments />}
            {selected === 'revisions' && <RevisionsView />}
            {selected === 'drift' && <DriftView />}
            {selected === 'audit' && <AuditView />}
          </div>
        </Tabs>
      </section>
    </main>
  );
}

function Deployments() {
  const { id } = route.value;
  useEffect(() => { shown.reset(); }, [id]);
  useEffect(() => history.start(), []);
  return (
    <Asked polled={shown.state.value} what="deployments">
      {({ deployment, platform }) => (
        <>
          {id !== null && <p class="crumb"><a href={hashOf('deployments')}>Newest deployment</a> / {id}</p>}
          {deployment === null
            ? <>
                <Empty title="Nothing was ever deployed here" hint={<><code>stoa release add DIR</code>, then <code>stoa deploy start NAME --reason …</code></>} />
                <RolesNow platform={platform} />
              </>
            : <>
                <DeploymentView deployment={deployment} platform={platform} />
                <ActButtons deployment={deployment} />
              </>}
          {platform.trouble !== '' && <p class="asked-problem" role="status">{platform.trouble}</p>}
          <HistoryView />
        </>
      )}
    </Asked>
  );
}
