//! Who programs run as, read from /etc/passwd: a static binary cannot load the system's name services.
use std::fs;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// Code of strangers runs as this user, who may do nothing.
pub const DEFAULT_USER: &str = "sandbox";

/// Finds a user by name or number; an empty name means the default user.
pub fn find(name: &str) -> Option<User> {
    let name = if name.is_empty() { DEFAULT_USER } else { name };
    find_in(&fs::read_to_string("/etc/passwd").unwrap_or_default(), name)
}

fn find_in(passwd: &str, wanted: &str) -> Option<User> {
    let mut users = passwd.lines().filter_map(parse);
    match wanted.parse::<u32>() {
        Ok(uid) => users.find(|user| user.uid == uid).or_else(|| Some(unnamed(uid))),
        Err(_) => users.find(|user| user.name == wanted),
    }
}

/// A number without an entry may still own processes and files.
fn unnamed(uid: u32) -> User {
    User { name: uid.to_string(), uid, gid: uid, home: "/".into(), shell: "/bin/sh".into() }
}

fn parse(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
    Some(User {
        name: name.into(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.into(),
        shell: shell.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\nsandbox:x:1000:1001::/home/sandbox:/bin/bash\n";

    #[test]
    fn finds_by_name_and_by_number() {
        let by_name = find_in(PASSWD, "sandbox").unwrap();
        assert_eq!((by_name.uid, by_name.gid, by_name.home.as_str()), (1000, 1001, "/home/sandbox"));
        assert_eq!(find_in(PASSWD, "1000"), Some(by_name));
    }

    #[test]
    fn knows_no_stranger_by_name_but_any_number() {
        assert_eq!(find_in(PASSWD, "nobody"), None);
        assert_eq!(find_in(PASSWD, "4242").unwrap().gid, 4242);
    }
}
