import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, world } from '../connect/world.ts';
import { aliasIn, all, done, inFile, linesOf, off, one, prove, put, record, roll } from './places.ts';

/** An alias that is brought from the settings of the cluster to elasticsearch.yml of nodes, and back. */

describe('a connection that is brought from the settings of the cluster to files', () => {
  test('stays open: the lines come first, then what wins over them goes', () => {
    const before = connected(world({ local: 3 }));
    const plan = planIn(before, request(all));
    expect(lines(plan)).toEqual([record, ...roll('eu-2', 'eu-3', 'eu-1'), put, prove]);
    expect(stepOf(plan, 'cluster-settings.put')).toMatchObject({
      id: 'unregister-alias',
      reason:
        'the connection is registered in elasticsearch.yml of nodes, which comes second to the settings of the cluster; it stays open',
      input: { persistent: { 'cluster.remote.us.mode': null, 'cluster.remote.us.seeds': null } },
    });
    expect(plan.warnings).toEqual([]);
    expect(aliasIn(done(before, all))).toEqual([]);
  });

  test('with other values says that it is closed and opened again', () => {
    const plan = planIn(connected(world({ local: 3 })), request({ ...all, seeds: ['10.0.1.2:9443'] }));
    expect(stepOf(plan, 'cluster-settings.put').reason).toContain('a change of seeds closes it and opens it again');
    expect(plan.warnings).toEqual([expect.stringMatching(/^The change of seeds closes the connections of us/)]);
  });

  test('on some nodes alone: the others, which the plan names, lose the credential too', () => {
    const before = connected(world({ local: 3 }));
    const plan = planIn(before, request(one));
    expect(lines(plan)).toEqual([
      ...[record, ...roll('eu-2'), put, prove],
      ...['left node.change eu-3 reload', 'left node.change eu-1 reload'],
      ...['left-reload secure-settings.reload eu-3 reload', 'left-reload secure-settings.reload eu-1 reload'],
    ]);
    expect(plan.warnings).toEqual([
      'The alias us goes from eu-1, eu-3 (cluster eu), in whose elasticsearch.yml it is not to stand: a search that names it there fails with 404.',
    ]);
    const made = done(before, one);
    expect(nodeOf(made.local, 'eu-3').running.credentials).toEqual({});
  });

  test('cut off anywhere goes on to the same end', () => {
    const before = connected(world({ local: 3 }));
    const { steps } = planIn(before, request(one));
    for (let count = 0; count <= steps.length; count++) {
      const made = done(applySteps(before, steps.slice(0, count)), one);
      expect([aliasIn(made), linesOf(made, 'eu-1'), linesOf(made, 'eu-2')]).toEqual([[], {}, inFile]);
    }
  });
});

describe('a connection that is brought from files to the settings of the cluster', () => {
  test('stays open: it is registered and proven first, then the lines go', () => {
    const before = connected(world({ local: 3 }), all);
    const plan = planIn(before, request());
    expect(lines(plan)).toEqual([
      ...[record, put, prove, ...off('eu-2', 'eu-3', 'eu-1'), 'lines-proof connection.prove eu none'],
    ]);
    expect(stepOf(plan, 'cluster-settings.put').reason).toBe(
      'the connection is registered in elasticsearch.yml of nodes, and shall be for the whole cluster; it stays open',
    );
    expect(plan).toMatchObject({ restarts: ['eu-2', 'eu-3', 'eu-1'], warnings: [] });
    const made = done(before, {});
    expect(linesOf(made, 'eu-2')).toEqual({});
  });

  test('gives the nodes that had it not what they need for it', () => {
    const before = connected(world({ local: 2 }), one);
    const plan = planIn(before, request());
    expect(lines(plan)).toEqual([
      ...[record, ...roll('eu-1'), put, prove, ...off('eu-2'), 'lines-proof connection.prove eu none'],
    ]);
    done(before, {});
  });

  test('cut off anywhere goes on to the same end, and the connection works after every step', () => {
    const before = connected(world({ local: 3 }), all);
    const { steps } = planIn(before, request());
    for (let count = 0; count <= steps.length; count++) {
      const cut = applySteps(before, steps.slice(0, count));
      expect(isConnected(cut, 'us')).toBe(true);
      const made = done(cut, {});
      expect([linesOf(made, 'eu-1'), linesOf(made, 'eu-2')]).toEqual([{}, {}]);
    }
  });

  test('a line that somebody writes later is theirs', () => {
    const made = done(connected(world({ local: 2 }), all), {});
    nodeOf(made.local, 'eu-2').yml.values['cluster.remote.us.skip_unavailable'] = false;
    const plan = planIn(made, request());
    expect(lines(plan)).toEqual([]);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^elasticsearch\.yml of node eu-2 .* skip_unavailable is in force/),
    ]);
  });

  test('with --limit is left as it is: nothing takes lines off before the alias is registered', () => {
    const plan = planIn(connected(world({ local: 3 }), all), request({ nodes: ['eu-2'] }));
    expect(lines(plan)).toEqual([]);
  });
});
