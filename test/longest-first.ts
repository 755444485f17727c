import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/**
 * Files that took longest when they were measured (`Longest files` at the end of a run), longest first. Vitest would begin with the largest, and a small file
 * that takes minutes would be left for the end, with the other workers idle.
 */
const LONGEST = [
  'connect/three-and-three',
  'connect/old-to-new',
  'certificates/place',
  'connect/api-keys',
  'connect/life',
  'connect/least-privilege',
  'connect/features',
  // One case after the other, in which it mostly waits: begun late it would be left for the end.
  'faults/sample',
  'run/crashes',
  'connect/batches',
  'connect/crashes',
  'fleet/ca-rotation',
  'fleet/renewal',
  'agent/keystore.test',
  'agent/crashes',
  'integration/elasticsearch-harness',
  'agent/undo',
  'agent/join',
  'agent/node-address',
  'connect/refused-clusters',
  'connect/refused-nodes',
  'agent/elasticsearch',
  'agent/keystore-writers',
  'connect/other-address',
  'gateway/sessions',
  'cli/arguments',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const place = LONGEST.findIndex((part) => moduleId.includes(part));
  return place === -1 ? LONGEST.length : place;
};

/** Begins with the files that take longest; the order of projects, and of all other files, is Vitest's. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = Map.groupBy(await super.sort(files), ({ project }) => project.name);
    return [...byProject.values()].flatMap((own) => own.toSorted((one, other) => rank(one) - rank(other)));
  }
}
