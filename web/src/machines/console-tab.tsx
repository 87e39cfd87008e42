import type { Vm } from '../../../src/contracts/vms.ts';
import { Freshness } from '../shared/freshness.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import shared from './machines.module.css';
import { useConsole } from './queries.ts';
import { TextPane } from '../shared/text-pane.tsx';

/** The last that kernel and agent of a VM wrote on its console, also when it has failed. */
export function ConsoleTab({ vm }: { readonly vm: Vm }) {
  const console = useConsole(vm.id);
  if (console.data === undefined)
    return console.error === null ? (
      <Lines count={8} height={18} />
    ) : (
      <Failure error={console.error} onRetry={() => void console.refetch()} />
    );
  const { text } = console.data;
  if (text.trim() === '')
    return (
      <Empty title="Nothing was written on the console">
        Kernel and agent write there when something is wrong, and programs that write to /dev/console as root. What
        programs print otherwise stands under Processes.
      </Empty>
    );
  return (
    <div className={shared.stack}>
      <Freshness read={console} />
      <TextPane label="Console" pieces={[{ key: 0, text }]} />
    </div>
  );
}
