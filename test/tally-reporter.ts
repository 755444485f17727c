import { relative } from 'node:path';
import type { Reporter, TestModule, TestSuite } from 'vitest/node';

/** Counts what a run came to, strictly: see run.ts. */
export class TallyReporter implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  #modules = 0;
  #durations: { readonly file: string; readonly seconds: number }[] = [];

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#modules = modules.length;
    this.#failed += unhandledErrors.length;
    for (const module of modules) this.#count(module);
    this.#durations = modules.map((module) => ({
      file: relative(import.meta.dirname, module.moduleId),
      seconds: Math.round(module.diagnostic().duration / 1000),
    }));
  }

  #count(module: TestModule): void {
    const tests = [...module.children.allTests()];
    this.#failed += brokenSuites(module);
    if (tests.length === 0 && module.errors().length === 0) this.#failed += 1;
    for (const test of tests) {
      const { state } = test.result();
      if (state === 'passed') this.#passed += 1;
      else if (state === 'skipped') this.#skipped += 1;
      else this.#failed += 1; // a test that is pending when all is over was never run
    }
  }

  /** Whether everything that ran passed, and something ran. */
  clean(): boolean {
    return this.#failed === 0 && this.#modules > 0;
  }

  /** The files that took longest, for whoever wants a run to be shorter. */
  longest(count: number): string {
    const files = this.#durations.toSorted((one, other) => other.seconds - one.seconds).slice(0, count);
    return `Longest files: ${files.map(({ file, seconds }) => `${file} ${seconds} s`).join(', ')}`;
  }

  line(): string {
    const failed = this.#modules === 0 ? Math.max(1, this.#failed) : this.#failed;
    return `${this.#passed} passed, ${failed} failed, ${this.#skipped} skipped`;
  }
}

/** Files and suites whose own code or hooks threw; the tests in them may count as skipped. */
function brokenSuites(module: TestModule): number {
  const broken: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return broken.filter((suite) => suite.errors().length > 0).length;
}
