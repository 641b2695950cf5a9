// Rooms of the house in the order in which work flows: a room may import only rooms above it.
const ROOMS = [
  'error-catalog',
  'errors.ts',
  'support',
  'process',
  'config',
  'events',
  'components',
  'sites',
  'store',
  'intake',
  'workers',
  'outcome',
  'scheduler',
  'liveness',
  'cron',
  'queues',
  'batch',
  'pool',
  'backlog',
  'requests',
  'doctor',
  'http',
  'dashboard',
  'observe',
  'daemon',
  'cli',
  'demo',
];

const place = (room) => `^src/${room.replace('.', '\\.')}${room.endsWith('.ts') ? '$' : '/'}`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency',
      comment: 'What is shipped may import only what is installed with it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-test-in-source',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|demo|scripts)/' },
    },
    {
      name: 'known-room',
      comment: 'A new room needs its place in the list above.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [...ROOMS.map(place), '^src/(daemon|index)\\.ts$'],
      },
      to: {},
    },
    {
      name: 'composition-root-is-last',
      comment: 'Only the command line starts the daemon.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|daemon\\.ts$|index\\.ts$)' },
      to: { path: '^src/(daemon|index)\\.ts$' },
    },
    {
      name: 'observers-are-not-asked',
      comment: 'Code emits events; only the composition root and the command line know who listens.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(observe/|daemon/|cli/|daemon\\.ts$|index\\.ts$)' },
      to: { path: '^src/observe/' },
    },
    ...ROOMS.map((room, index) => ({
      name: `direction-${room}`,
      comment: 'A room imports only rooms above it in the list.',
      severity: 'error',
      from: { path: place(room) },
      to: { path: ROOMS.slice(index + 1).map(place) },
    })).filter((rule) => rule.to.path.length > 0 && rule.name !== 'direction-observe'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
