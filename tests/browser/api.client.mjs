// What a program does with the administration API, through a client that was generated from its OpenAPI document.
// TypeScript checks this file against the generated types before it runs.
import createClient from 'openapi-fetch';

/**
 * @param {string} url
 * @param {string} token
 */
export async function run(url, token) {
  /** @type {ReturnType<typeof createClient<import('./api.js').paths>>} */
  const api = createClient({ baseUrl: `${url}/api/v1`, headers: { Authorization: `Bearer ${token}` } });
  /** @type {string[]} */
  const told = [];

  const status = await api.GET('/status');
  if (!status.data) throw new Error(status.error.detail);
  told.push(`version ${status.data.version}`);

  const added = await api.POST('/users', { body: { user: 'nora@betterbag.com', groups: ['staff'] } });
  if (!added.data) throw new Error(added.error.detail);
  told.push(`added ${added.data.user} in ${added.data.groups.join()}`);

  const changed = await api.PATCH('/users/{user}', { params: { path: { user: added.data.user } }, body: { disabled: true } });
  told.push(`disabled ${changed.data?.disabled}`);

  const people = await api.GET('/users', { params: { query: { organization: 'better-bag' } } });
  told.push(`people ${people.data?.items.map((person) => person.user).join()}`);

  const rule = await api.POST('/rules', { body: { outcome: 'refuse', user: 'nora@betterbag.com', message: 'Not yet' } });
  if (!rule.data) throw new Error(rule.error.detail);
  const why = await api.GET('/rules/explain', { params: { query: { user: 'nora@betterbag.com', 'model-family': 'iPhone' } } });
  told.push(`explained ${why.data?.result?.outcome}`);
  await api.DELETE('/rules/{rule}', { params: { path: { rule: rule.data.id } } });

  const missing = await api.GET('/enrollments/{enrollment}', { params: { path: { enrollment: 'nothing' } } });
  told.push(`refused ${missing.error?.status} ${missing.error?.code}`);

  const removed = await api.DELETE('/users/{user}', { params: { path: { user: added.data.user } } });
  told.push(`removed ${removed.data?.user}`);
  return told;
}
