import { getContext } from 'svelte';
import type { Me } from '../api/client';
import type { ViewPool } from '../wall/player/pool';
import type { Desk } from './desk.svelte';
import type { Grounds } from './grounds.svelte';
import type { Route } from './route.svelte';
import type { Town } from './town.svelte';

export const HOUSE = Symbol('house');

/** What all screens share. */
export interface House {
  me: Me;
  town: Town;
  pool: ViewPool;
  desk: Desk;
  grounds: Grounds;
  route: Route;
  signOut: () => Promise<void>;
  help: () => void;
}

export const house = () => getContext<House>(HOUSE);
