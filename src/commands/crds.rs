//! `viis-operator crds`: prints the CustomResourceDefinitions. Touches no
//! cluster and no file: what it prints is what `crds/` holds.

use std::io;

/// Writes all CustomResourceDefinitions to `out`, as one stream of YAML documents.
///
/// # Errors
/// What `out` answers, or a definition that cannot be written as YAML (a
/// defect of this program, reported as [`io::ErrorKind::InvalidData`]).
pub fn run(out: &mut impl io::Write) -> io::Result<()> {
    let yaml = crate::api::crds::yaml()
        .map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
    out.write_all(yaml.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn prints_what_the_files_hold() {
        let mut printed = Vec::new();
        super::run(&mut printed).unwrap();
        let files: String = crate::api::crds::files()
            .unwrap()
            .into_iter()
            .map(|file| file.yaml)
            .collect();
        assert_eq!(String::from_utf8(printed).unwrap(), files);
    }
}
