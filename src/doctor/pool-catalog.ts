/** Findings about several daemons of one site. */
export const poolCatalog = {
  'daemon-silent': {
    level: 'problem',
    title:
      '{site}: the drupald on {host} ({address}), which serves {hosts}, has given no sign of life for {since}, and {count} starts wait for it',
    remedy:
      'Start it again with its state directory. Others run what waits, if pool.take_over is not off and they serve a host of the same service group, or name it in pool.take_over_from.',
  },
  'service-host-shared': {
    level: 'warn',
    title: '{site}: {count} drupalds serve the service host {host}: {addresses}',
    remedy:
      'Give each a service host of its own, and put them into one service group: who serves the same name as another finds what waits there after each of its restarts, and nobody takes over from either while one lives.',
  },
  'redis-evicts': {
    level: 'warn',
    title:
      'The Redis {address} on which the backlog is shared removes what it likes when its memory is full (maxmemory-policy {policy})',
    remedy:
      'Set maxmemory-policy to noeviction there. What is removed is put there again within seconds, but its order, and what counts for callbacks.pool_slots, are lost.',
  },
  'group-unserved': {
    level: 'warn',
    title: '{site}: no drupald serves any host of the service group {group} ({hosts})',
    remedy:
      'If its processes are to run here, point a host of it to a drupald or name it in "serves"; those of a web server\'s own hosts stay there.',
  },
} as const;
