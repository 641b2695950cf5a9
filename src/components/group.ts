import { BaseComponent, type Component } from './component.js';

/**
 * Components that live together: started in order, stopped in reverse. When one cannot start, those before
 * it are stopped and the start rejects with its error.
 */
export class ComponentGroup extends BaseComponent {
  constructor(
    readonly name: string,
    private readonly members: readonly Component[],
  ) {
    super();
  }

  protected async onStart(): Promise<void> {
    for (const member of this.members) {
      // A stop that was asked for meanwhile waits for this start; there is no use in starting the rest.
      if (this.state !== 'starting') return;
      await member.start();
    }
  }

  /** Stops all of them, whatever one throws, and then rejects with the first error. */
  protected async onStop(): Promise<void> {
    const errors: unknown[] = [];
    for (const member of this.members.toReversed()) {
      try {
        await member.stop();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
