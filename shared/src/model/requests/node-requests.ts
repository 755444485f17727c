/**
 * What an agent may ask of its own Elasticsearch. Everything else goes through the coordinator's cluster URLs; here stands only what has to be asked of
 * each node, because a cluster's URL may be a load balancer.
 */
const allowed: readonly { readonly method: 'GET' | 'POST' | 'HEAD'; readonly path: RegExp; readonly why: string }[] = [
  { method: 'GET', path: /^\/$/, why: 'which node and cluster answers here' },
  {
    method: 'GET',
    path: /^\/_nodes\/_local(\/[a-z_,]+)?(\?filter_path=[A-Za-z0-9_.,*%-]+)?$/,
    why: "this node's settings, process and addresses",
  },
  {
    method: 'GET',
    // Letters of an index pattern only: a URL parser reads a backslash as a slash, and `../..` after one leaves the path.
    path: /^\/_resolve\/cluster\/[A-Za-z0-9_-]+:[A-Za-z0-9_.*,-]*(\?timeout=\d+(ms|s))?$/,
    why: 'a real authenticated request over a connection',
  },
  { method: 'GET', path: /^\/_remote\/info$/, why: "this node's view of its connections" },
  { method: 'POST', path: /^\/_nodes\/_local\/reload_secure_settings$/, why: "reload of this node's secure settings" },
  { method: 'GET', path: /^\/_ssl\/certificates$/, why: 'the certificates that this node has loaded' },
  { method: 'GET', path: /^\/_cluster\/health\?local=true$/, why: 'whether this node has joined its cluster' },
];

export const isAllowedNodeRequest = (method: string, path: string): boolean =>
  allowed.some((rule) => rule.method === method && rule.path.test(path));
