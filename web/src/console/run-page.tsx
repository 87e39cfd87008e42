import { Tabs } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { AgentIdentity } from '../shared/agents.ts';
import type { FollowedRun } from '../shared/run-stream.ts';
import { RunPanel } from '../workflows/parallelization/run-panel.tsx';
import { EventList } from './event-list.tsx';
import { Timeline } from './timeline.tsx';

const tabs = ['result', 'timeline', 'events'] as const;
type Tab = (typeof tabs)[number];

interface RunTabsProps {
  readonly followed: FollowedRun;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
  readonly result: ReactNode;
}

function RunTabs({ followed, agents, result }: RunTabsProps) {
  const { tab = 'result' } = useSearch({ from: '/runs/$id' });
  const navigate = useNavigate({ from: '/runs/$id' });
  const choose = (value: string | null) => {
    const next = tabs.find((one): one is Tab => one === value);
    void navigate({ search: next === undefined || next === 'result' ? {} : { tab: next }, replace: true });
  };
  return (
    <Tabs value={tab} onChange={choose} keepMounted={false}>
      <Tabs.List mb={24}>
        <Tabs.Tab value="result">Result</Tabs.Tab>
        <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
        <Tabs.Tab value="events">Events</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="result">{result}</Tabs.Panel>
      <Tabs.Panel value="timeline">
        <Timeline view={followed.view} agents={agents} />
      </Tabs.Panel>
      <Tabs.Panel value="events">
        <EventList events={followed.events} agents={agents} />
      </Tabs.Panel>
    </Tabs>
  );
}

/** One run at any time later: its result, one bar for each step, and every event. */
export function RunPage() {
  const { id } = useParams({ from: '/runs/$id' });
  return (
    <RunPanel
      key={id}
      id={id}
      below={(followed, agents, result) => <RunTabs followed={followed} agents={agents} result={result} />}
    />
  );
}
