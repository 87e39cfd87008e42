import { Button, CopyButton, Menu } from '@mantine/core';
import { IconChevronDown, IconDownload, IconRefresh, IconTerminal } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { exportUrl } from '../../shared/api.ts';
import type { RunView } from '../../shared/run-view.ts';
import { toCurl } from './ask.ts';

function ExportMenu({ id }: { readonly id: string }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          size="sm"
          variant="default"
          leftSection={<IconDownload size={16} stroke={1.5} />}
          rightSection={<IconChevronDown size={14} stroke={1.5} />}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={exportUrl(id, 'markdown')} download>
          Markdown
        </Menu.Item>
        <Menu.Item component="a" href={exportUrl(id, 'json')} download>
          JSON
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What can be done with a run that has ended. */
export function RunActions({ view }: { readonly view: RunView }) {
  const request = { prompt: view.topic, perspectives: [...view.perspectives], domains: [...view.domains] };
  return (
    <>
      <ExportMenu id={view.id} />
      <CopyButton value={toCurl(request, location.origin)}>
        {({ copied, copy }) => (
          <Button size="sm" variant="default" leftSection={<IconTerminal size={16} stroke={1.5} />} onClick={copy}>
            {copied ? 'Copied' : 'Copy as curl'}
          </Button>
        )}
      </CopyButton>
      <Button
        size="sm"
        leftSection={<IconRefresh size={16} stroke={1.5} />}
        renderRoot={(props) => (
          <Link
            to="/parallelization/"
            search={{ topic: view.topic, perspectives: view.perspectives.join(','), domains: view.domains.join(',') }}
            {...props}
          />
        )}
      >
        Run again
      </Button>
    </>
  );
}
