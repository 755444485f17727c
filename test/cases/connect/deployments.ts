import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { planIn } from './plans.ts';
import { cloudWorld, type World } from './world.ts';

/** What is asked for where the local cluster `eu` is a deployment. */
export const cloudWish = (more: Partial<ConnectRequest> = {}): ConnectRequest =>
  request({ mode: 'proxy', proxyAddress: 'proxy.us.example.com:9443', serverName: 'us.example.com', ...more });

export const cloudPlan = (made: World, more: Partial<ConnectRequest> = {}): StoredPlan => planIn(made, cloudWish(more));

/** The world in which the deployment is connected, by the planner's own plan. */
export const cloudConnected = (made = cloudWorld(), more: Partial<ConnectRequest> = {}): World =>
  applySteps(made, cloudPlan(made, more).steps);
