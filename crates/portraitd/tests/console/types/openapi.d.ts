// The types of the admin API, by operation, for the comments of the console's modules. `made/admin.d.ts` is made of the OpenAPI
// document by types.test.js.

import type { components, operations } from './made/admin.js';

type Json<Response> = Response extends { content: { 'application/json': infer Value } } ? Value : null;
type Responses<Id extends keyof operations> = operations[Id]['responses'];

// A parameter that is null is left out of the address.
type Nullable<Parameters> = { [Name in keyof Parameters]: Parameters[Name] | null };

declare global {
  /** What a call of an operation that is answered with one of these statuses resolves to; null without content. */
  type Answer<Id extends keyof operations, Status = 200 | 201 | 204> = Promise<Json<Responses<Id>[keyof Responses<Id> & Status]>>;
  /** The body of its request. */
  type RequestBody<Id extends keyof operations> = operations[Id] extends { requestBody: { content: { 'application/json': infer Value } } } ? Value : never;
  /** The parameters of its query. */
  type Query<Id extends keyof operations> = Nullable<NonNullable<operations[Id]['parameters']['query']>>;
  /** A schema of the document. */
  type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];
}
