// The packages ship declarations that do not resolve under NodeNext; this is the part that the tests use.

declare module '@php-wasm/universal' {
  export function loadPHPRuntime(loader: unknown, options: object): Promise<number>;

  export class PHP {
    constructor(runtime: number);
    mkdir(path: string): void;
    writeFile(path: string, content: string | Uint8Array): void;
    run(request: { readonly code: string } | { readonly scriptPath: string }): Promise<{ readonly text: string }>;
    exit(): void;
  }
}

declare module '@php-wasm/node-7-2' {
  export function getPHPLoaderModule(): Promise<unknown>;
}

declare module '@php-wasm/node-8-4' {
  export function getPHPLoaderModule(): Promise<unknown>;
}
