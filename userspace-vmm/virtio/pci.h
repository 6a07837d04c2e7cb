/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio over PCI (virtio 1.2, 4.1): modern devices only, with MSI-X and no INTx.
 */
#ifndef AVMM_VIRTIO_PCI_H
#define AVMM_VIRTIO_PCI_H

#include "dev/pci.h"
#include "virtio/virtio.h"

/* On bus 0, in the next free slot; or behind a root port that is empty. */
int virtio_pci_plug(struct machine *machine, struct virtio_device *vdev,
		    struct pci_function *port, struct error *err);

/* NULL: it is not on PCI. */
struct pci_function *virtio_pci_function(struct virtio_device *vdev);

#endif /* AVMM_VIRTIO_PCI_H */
