import { getContext } from 'svelte';
import type { Town } from '../parts/town.svelte';
import type { ViewPool } from './player/pool';

export const WALL = Symbol('wall');

/** What all parts of the wall share. */
export interface WallContext {
  town: Town;
  pool: ViewPool;
}

export const wall = () => getContext<WallContext>(WALL);
