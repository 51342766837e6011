package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import java.util.ArrayList;
import java.util.List;

/**
 * Who the first process is. Names are looked up in the container's {@code /etc/passwd} and {@code /etc/group}, whose texts are handed in:
 * they come from the image, so nothing in them is trusted, and lines that do not parse are passed over.
 *
 * @param groups supplementary
 */
public record Identity(int uid, int gid, List<Integer> groups, String home) {

    private record User(String name, int uid, int gid, String home) {}

    private record Group(String name, int gid, List<String> members) {}

    /** @param user {@code user[:group]}, names or numbers; {@code extraGroups} likewise */
    static Identity resolve(String user, List<String> extraGroups, String passwd, String group) {
        int colon = user.indexOf(':');
        String userPart = colon < 0 ? user : user.substring(0, colon);
        String groupPart = colon < 0 ? "" : user.substring(colon + 1);

        User found = userPart.isEmpty() ? user("0", passwd) : user(userPart, passwd);
        int gid = groupPart.isEmpty() ? found.gid : group(groupPart, group);

        List<Integer> groups = new ArrayList<>();
        if (groupPart.isEmpty() && !found.name.isEmpty()) {
            for (Group each : groupsIn(group)) {
                if (each.members.contains(found.name) && !groups.contains(each.gid)) {
                    groups.add(each.gid);
                }
            }
        }
        for (String extra : extraGroups) {
            int number = group(extra, group);
            if (!groups.contains(number)) {
                groups.add(number);
            }
        }
        return new Identity(found.uid, gid, List.copyOf(groups), found.home);
    }

    private static User user(String nameOrNumber, String passwd) {
        int number = id(nameOrNumber);
        for (String line : passwd.split("\n")) {
            String[] fields = line.split(":", -1);
            if (fields.length < 6 || id(fields[2]) < 0 || id(fields[3]) < 0) {
                continue;
            }
            if (!fields[0].equals(nameOrNumber) && (number < 0 || id(fields[2]) != number)) {
                continue;
            }
            return new User(fields[0], id(fields[2]), id(fields[3]), fields[5].isEmpty() ? "/" : fields[5]);
        }
        if (number < 0) {
            throw RuntimeShimException.invalid("unable to find user " + nameOrNumber + ": no matching entries in passwd file");
        }
        return new User("", number, 0, number == 0 ? "/root" : "/");
    }

    private static int group(String nameOrNumber, String group) {
        for (Group each : groupsIn(group)) {
            if (each.name.equals(nameOrNumber)) {
                return each.gid;
            }
        }
        int number = id(nameOrNumber);
        if (number < 0) {
            throw RuntimeShimException.invalid("unable to find group " + nameOrNumber + ": no matching entries in group file");
        }
        return number;
    }

    private static List<Group> groupsIn(String text) {
        List<Group> groups = new ArrayList<>();
        for (String line : text.split("\n")) {
            String[] fields = line.split(":", -1);
            if (fields.length >= 4 && id(fields[2]) >= 0) {
                groups.add(new Group(fields[0], id(fields[2]), List.of(fields[3].split(","))));
            }
        }
        return groups;
    }

    /** -1 where it is no number from 0 to 2^31-1. */
    private static int id(String text) {
        if (text.isEmpty() || text.length() > 10) {
            return -1;
        }
        long value = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value > Integer.MAX_VALUE ? -1 : (int) value;
    }
}
