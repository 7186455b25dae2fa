//! Remembers that a lab's libraries are up to date, so that cargo need not look.
//!
//! Cargo takes a quarter of a second to find that nothing has changed, at every run of the tool.
//! The stamp holds a digest of everything that the libraries are made from; whenever anything
//! differs, cargo decides.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::artifacts::Libraries;

/// What was built, and from what.
#[derive(Serialize, Deserialize)]
pub(super) struct Stamp {
    inputs: String,
    /// The folders of those packages among the libraries that are found by a path: this project's,
    /// and those outside of it that it uses.
    packages: Vec<PathBuf>,
    /// Everything that cargo made, with its length and its time, which change when something else
    /// is built over it.
    products: Vec<(PathBuf, u64, u128)>,
    libraries: Libraries,
}

/// Which of these packages lie outside of the project.
pub(super) fn outside_of(root: &Path, packages: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let outside = packages.iter().filter(|folder| !folder.starts_with(root));
    outside.cloned().collect()
}

/// What the libraries depend on besides the sources of their packages.
pub(super) struct Inputs<'a> {
    /// The project's root folder.
    pub root: &'a Path,
    /// The compiler, as `rustc -vV` describes it.
    pub compiler: &'a str,
    /// The options that the compiler gets.
    pub options: &'a OsStr,
}

impl Stamp {
    fn read(file: &Path) -> Option<Stamp> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// The packages outside of the project that the stamp in `file` knows, right or not: none, if
    /// there is no stamp.
    pub fn outside(file: &Path, root: &Path) -> BTreeSet<PathBuf> {
        let packages = Stamp::read(file).map_or_else(Vec::new, |stamp| stamp.packages);
        outside_of(root, &packages.into_iter().collect())
    }

    /// The libraries that the stamp in `file` knows, if they are still what would be built now.
    pub fn libraries(file: &Path, inputs: &Inputs<'_>) -> Option<Libraries> {
        let stamp = Stamp::read(file)?;
        let same = |(path, length, time): &(PathBuf, u64, u128)| {
            product(path).is_ok_and(|now| now == (*length, *time))
        };
        let valid =
            stamp.products.iter().all(same) && inputs.digest(&stamp.packages).ok()? == stamp.inputs;
        valid.then_some(stamp.libraries)
    }

    /// Writes a stamp after cargo, which started at `started`, has made `products`.
    pub fn write(
        file: &Path,
        inputs: &Inputs<'_>,
        started: SystemTime,
        packages: Vec<PathBuf>,
        products: &[PathBuf],
        libraries: &Libraries,
    ) -> io::Result<()> {
        for input in inputs.files(&packages)? {
            // What was changed while cargo ran may or may not be in the products.
            if fs::metadata(input)?.modified()? >= started {
                return Ok(());
            }
        }
        let products = products
            .iter()
            .map(|path| product(path).map(|(length, time)| (path.clone(), length, time)));
        let products = products.collect::<io::Result<_>>()?;
        let stamp = Stamp {
            inputs: inputs.digest(&packages)?,
            packages,
            products,
            libraries: libraries.clone(),
        };
        // Several processes may do this at once: each puts a whole file in place.
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut new, &stamp)?;
        new.persist(file)?;
        Ok(())
    }
}

/// The length and the time of a file that cargo has made.
pub(super) fn product(path: &Path) -> io::Result<(u64, u128)> {
    let found = fs::metadata(path)?;
    let time = found
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok((found.len(), time.as_nanos()))
}

impl Inputs<'_> {
    /// The digest of everything, with the sources of these packages.
    fn digest(&self, packages: &[PathBuf]) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(self.compiler.as_bytes());
        add(self.options.as_encoded_bytes());
        for file in self.files(packages)? {
            add(file.as_os_str().as_encoded_bytes());
            add(&fs::read(file)?);
        }
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    fn files(&self, packages: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        let mut files = vec![self.root.join("Cargo.toml"), self.root.join("Cargo.lock")];
        let config = self.root.join(".cargo/config.toml");
        files.extend(config.is_file().then_some(config));
        for package in packages {
            files.push(package.join("Cargo.toml"));
            sources(&package.join("src"), &mut files)?;
        }
        // A package outside takes versions and features of its dependencies from its own workspace.
        let packages: BTreeSet<PathBuf> = packages.iter().cloned().collect();
        let above = outside_of(self.root, &packages)
            .into_iter()
            .filter_map(|package| {
                let manifests = package
                    .ancestors()
                    .skip(1)
                    .map(|above| above.join("Cargo.toml"));
                manifests.into_iter().find(|manifest| manifest.is_file())
            });
        files.extend(above.collect::<BTreeSet<_>>());
        Ok(files)
    }
}

/// Adds the files below a folder, in the order of their paths.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, files)?
        } else {
            files.push(path)
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::origins::Packages;

    /// What counts, as seen from the project.
    const FILES: [&str; 8] = [
        "Cargo.toml",
        "Cargo.lock",
        "labs/x/Cargo.toml",
        "labs/x/src/lib.rs",
        "labs/x/src/inner/a.rs",
        "../faultline/labs/labkit/src/lib.rs",
        "../faultline/labs/labkit/Cargo.toml",
        "../faultline/Cargo.toml",
    ];

    /// A project, and beside it a checkout whose `labkit` it uses by a path.
    #[test]
    fn any_change_makes_a_stamp_invalid() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, package) = (
            &folder.path().join("project"),
            folder.path().join("project/labs/x"),
        );
        let outside = folder.path().join("faultline/labs/labkit");
        let (product, stamp) = (root.join("libx.rlib"), root.join("stamp.json"));
        fs::create_dir_all(outside.join("src")).expect("it can be made");
        fs::create_dir_all(package.join("src/inner")).expect("it can be made");
        for file in FILES {
            fs::write(root.join(file), "before").expect("it can be written");
        }
        fs::write(&product, "product").expect("it can be written");
        let path = product.clone();
        let libraries = Libraries {
            labkit: path.clone(),
            api: path.clone(),
            serde: path,
            packages: Packages::default(),
            search: BTreeSet::from([root.to_owned()]),
        };
        let inputs = Inputs {
            root,
            compiler: "rustc 1",
            options: OsStr::new(""),
        };
        let write = || {
            let packages = vec![package.clone(), outside.clone()];
            let products = std::slice::from_ref(&product);
            let later = SystemTime::now() + std::time::Duration::from_secs(1);
            Stamp::write(&stamp, &inputs, later, packages, products, &libraries)
                .expect("it can be written");
        };
        assert_eq!(Stamp::outside(&stamp, root), BTreeSet::new());
        write();
        assert!(Stamp::libraries(&stamp, &inputs).is_some());
        assert_eq!(
            Stamp::outside(&stamp, root),
            BTreeSet::from([outside.clone()])
        );
        for file in FILES {
            fs::write(root.join(file), "after").expect("it can be written");
            assert!(Stamp::libraries(&stamp, &inputs).is_none(), "{file}");
            write();
        }
        fs::write(package.join("src/new.rs"), "").expect("it can be written");
        assert!(Stamp::libraries(&stamp, &inputs).is_none());
        write();
        let other = Inputs {
            compiler: "rustc 2",
            ..inputs
        };
        assert!(Stamp::libraries(&stamp, &other).is_none());
        fs::remove_file(&stamp).expect("it is there");
        let (packages, products) = (vec![package.clone()], std::slice::from_ref(&product));
        Stamp::write(&stamp, &inputs, UNIX_EPOCH, packages, products, &libraries)
            .expect("it is not even tried");
        assert!(
            !stamp.exists(),
            "the sources changed after cargo had started"
        );
        write();
        fs::remove_file(&product).expect("it is there");
        assert!(Stamp::libraries(&stamp, &inputs).is_none());
    }
}
