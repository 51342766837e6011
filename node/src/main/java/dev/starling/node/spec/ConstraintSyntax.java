package dev.starling.node.spec;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says whether the planner understands a placement constraint, e.g. {@code node.labels.zone==a}. */
@FunctionalInterface
public interface ConstraintSyntax {
    /** @throws IllegalArgumentException with the reason where it does not */
    void check(String constraint);

    /** SwarmKit's grammar: {@code KEY==VALUE} or {@code KEY!=VALUE}. */
    ConstraintSyntax DOCKER = new ConstraintSyntax() {
        private final Pattern parts = Pattern.compile("(.*?)\\s*(?:==|!=)\\s*(.*)", Pattern.DOTALL);
        private final Pattern key = Pattern.compile("(?i)[a-z_][a-z0-9\\-_.]+");
        private final Pattern value = Pattern.compile("(?i)[a-z0-9:\\-_\\s.*()?+\\[\\]\\\\^$|/]+");

        @Override
        public void check(String constraint) {
            Matcher matcher = parts.matcher(constraint.strip());
            if (!matcher.matches()) {
                throw new IllegalArgumentException("constraint expected one operator from ==, !=");
            }
            if (!key.matcher(matcher.group(1)).matches()) {
                throw new IllegalArgumentException("key '" + matcher.group(1) + "' is invalid");
            }
            if (!value.matcher(matcher.group(2)).matches()) {
                throw new IllegalArgumentException("value '" + matcher.group(2) + "' is invalid");
            }
        }
    };
}
