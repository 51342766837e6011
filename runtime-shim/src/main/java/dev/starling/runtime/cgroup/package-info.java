/** Control groups of both versions: limits, device rules, out-of-memory kills. */
package dev.starling.runtime.cgroup;
