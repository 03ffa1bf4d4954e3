import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HttpWorld } from '../../support/http-world.ts';
import { routesIn } from '../../support/route-tree.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: object };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, object>; readonly securitySchemes: Record<string, object> };
}

let world: HttpWorld;
let document: Document;
beforeAll(async () => {
  world = await HttpWorld.open();
  const reply = await world.call('GET', '/api/v1/openapi.json', { token: null });
  expect(reply.headers['content-type']).toMatch(/^application\/json/);
  document = reply.json();
});
afterAll(() => world[Symbol.asyncDispose]());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );

/** Every value behind that key, at any depth. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value) as [string, unknown][];
  return entries.flatMap(([name, child]): unknown[] => [...(name === key ? [child] : []), ...valuesOf(child, key)]);
}

describe('the OpenAPI document', () => {
  test('is of version 3.1 and says what it is', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: 'Latchkey', version: expect.any(String) as string });
    expect(document.components.securitySchemes).toHaveProperty('token.scheme', 'bearer');
  });

  test('has every route, and no other', () => {
    const routes = routesIn(world.app.printRoutes({ commonPrefix: false }));
    const expected = routes.map(
      ({ method, path }) => `${method} ${path.replace(/:([a-z]+)/g, '{$1}').replace('*', '{*}')}`,
    );
    expect(
      operations()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(expected.toSorted());
  });

  test('has words, an id, a tag, a right and an error of one shape for each', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, path, operation } of operations()) {
      expect(operation.summary, name).toMatch(/^[A-Z]/);
      expect(operation.description, name).toMatch(/Public\.|Needs the right `[a-z-]+\.[a-z]+`\./);
      expect(operation.tags, name).toHaveLength(1);
      expect(operation.security, name).toEqual(operation.description.includes('Public.') ? [] : [{ token: [] }]);
      const inPath = [...path.matchAll(/\{([a-z]+|\*)\}/g)].map(([, parameter]) => parameter);
      const described = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(
        described.map((parameter) => parameter.name),
        name,
      ).toEqual(inPath);
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => status.startsWith('2')),
        name,
      ).toBe(true);
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        expect(description, `${name} ${status}`).not.toBe('');
        const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
        if (!status.startsWith('2')) expect(content, `${name} ${status}`).toEqual(error);
      }
    }
  });

  test('refers to nothing that is not there', () => {
    const references = new Set(valuesOf(document, '$ref') as string[]);
    expect(references.size).toBeGreaterThan(5);
    for (const reference of references) {
      expect(document.components.schemas).toHaveProperty([reference.replace('#/components/schemas/', '')]);
    }
  });

  test('describes bodies as they are sent: defaults may be left out', () => {
    const body = document.paths['/api/v1/instances']?.['post']?.requestBody?.content;
    expect(valuesOf(body, 'required')).toContainEqual(['name', 'os']);
  });
});
